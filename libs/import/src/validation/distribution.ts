/** The distribution of events over users or items. */
export interface Distribution {
  /** Users or items with at least one event. */
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly mean: number;
  readonly p90: number;
  readonly max: number;
  /** Users or items by their number of events in `[from, to]`. Bounds are powers of two. Includes empty buckets. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
}

/** Summarizes counts of at least 1. A quantile is the smallest count that at least that share of counts does not exceed. */
export function distributionOf(counts: Iterable<number>): Distribution {
  const sorted = Float64Array.from(counts).sort();
  const count = sorted.length;
  if (count === 0) return { count, min: 0, median: 0, mean: 0, p90: 0, max: 0, histogram: [] };
  const quantile = (share: number): number => sorted[Math.max(0, Math.ceil(share * count) - 1)] as number;
  const buckets = new Array<number>(Math.floor(Math.log2(quantile(1))) + 1).fill(0);
  let sum = 0;
  for (const value of sorted) {
    sum += value;
    buckets[Math.floor(Math.log2(value))]! += 1;
  }
  return {
    count,
    min: sorted[0] as number,
    median: quantile(0.5),
    mean: sum / count,
    p90: quantile(0.9),
    max: quantile(1),
    histogram: buckets.map((members, power) => ({ from: 2 ** power, to: 2 ** (power + 1) - 1, count: members })),
  };
}
