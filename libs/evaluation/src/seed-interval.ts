/** A mean over runs with other seeds, and how far it is known. */
export interface SeedInterval {
  readonly mean: number;
  /** Half of the 95 % t interval; absent for one run. */
  readonly halfWidth?: number;
}

/** The two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom. */
const tQuantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086,
];
const normalQuantile = 1.96;

/** The mean of one value a seed and its t interval: how far the mean would move with other seeds. */
export function seedInterval(values: readonly number[]): SeedInterval {
  const runs = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / runs;
  if (runs < 2) return { mean };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (runs - 1) / runs);
  return { mean, halfWidth: (tQuantiles[runs - 2] ?? normalQuantile) * standardError };
}
