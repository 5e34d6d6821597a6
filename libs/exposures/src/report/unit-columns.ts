/** Counts of units, by their numbers from 0 on; what was not counted is 0. */
export interface Column {
  add(unit: number, count: number): void;
  /** The first counts, as many as there are units. */
  values(units: number): Float64Array;
}

export function createColumn(): Column {
  let counts = new Float64Array(1024);
  const holdAll = (units: number): void => {
    if (units <= counts.length) return;
    const larger = new Float64Array(Math.max(units, 2 * counts.length));
    larger.set(counts);
    counts = larger;
  };
  return {
    add: (unit, count) => {
      holdAll(unit + 1);
      counts[unit]! += count;
    },
    values: (units) => {
      holdAll(units);
      return counts.subarray(0, units);
    },
  };
}
