import { FingerprintSet } from '@facet/import';
import type { ExposureRecord } from '../log/exposure-record.ts';

/** What is known of the users of an experiment: a row a user. */
export interface JoinedUnits {
  /** [U] place of the arm in the options; -1 for a user who was seen in several. */
  readonly arms: Int32Array;
  /** [U] answers. */
  readonly exposures: Float64Array;
  readonly items: Float64Array;
  /** [U] answers that no interest gave. */
  readonly fallbacks: Float64Array;
  /** By outcome, [U]: exposures with at least one. */
  readonly exposuresWith: readonly Float64Array[];
  /** By interest, [U]: items shown. The first is that of items that no interest found, the next that of interest 0. */
  readonly shown: readonly Float64Array[];
  /** By outcome and interest, [U]: items with at least one. */
  readonly chosen: readonly (readonly Float64Array[])[];
}

/** By outcome, the places of the items of a page that had one in time. */
export type ChosenItems = ReadonlyMap<number, ReadonlySet<number>>;

export type UnitTable = ReturnType<typeof createUnitTable>;

/** A table that answers and their pages are added to. @param outcomes their types. */
export function createUnitTable(outcomes: readonly string[]) {
  const numbers = new Map<string, number>();
  const arms: number[] = [];
  const exposures = createColumn();
  const items = createColumn();
  const fallbacks = createColumn();
  const exposuresWith = outcomes.map(() => createColumn());
  /** `<outcome> <recommendationId>`, of answers with the outcome on any of their pages. */
  const counted = new FingerprintSet();
  const shown: Column[] = [];
  const chosenOf: Column[][] = outcomes.map(() => []);
  return {
    /** The row of a user who has been added. */
    unitOf: (userHash: string): number => numbers.get(userHash)!,
    /** @returns the row of the user. */
    addAnswer(userHash: string, arm: number, { source }: ExposureRecord): number {
      const unit = numbers.get(userHash) ?? numbers.size;
      if (unit === numbers.size) {
        numbers.set(userHash, unit);
        arms.push(arm);
      } else if (arms[unit] !== arm) arms[unit] = -1;
      exposures.add(unit, 1);
      if (source.kind !== 'model') fallbacks.add(unit, 1);
      return unit;
    },
    addPage(unit: number, page: ExposureRecord, chosen: ChosenItems): void {
      items.add(unit, page.items.length);
      const slotOf = (item: number): number => (page.interests[item] ?? -1) + 1;
      page.items.forEach((_, item) => columnAt(shown, slotOf(item)).add(unit, 1));
      for (const [outcome, places] of chosen) {
        if (counted.add(`${outcome} ${page.recommendationId}`)) exposuresWith[outcome]!.add(unit, 1);
        for (const item of places) columnAt(chosenOf[outcome]!, slotOf(item)).add(unit, 1);
      }
    },
    units(): JoinedUnits {
      const values = (column: Column): Float64Array => column.values(arms.length);
      return {
        arms: Int32Array.from(arms),
        exposures: values(exposures),
        items: values(items),
        fallbacks: values(fallbacks),
        exposuresWith: exposuresWith.map(values),
        shown: shown.map(values),
        chosen: chosenOf.map((columns) => shown.map((_, slot) => values(columnAt(columns, slot)))),
      };
    },
  };
}

/** Columns come into being up to the one that is asked for. */
function columnAt(columns: Column[], place: number): Column {
  while (columns.length <= place) columns.push(createColumn());
  return columns[place]!;
}

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
