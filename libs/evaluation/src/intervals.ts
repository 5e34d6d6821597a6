import { createRandom } from '@facet/features';
import { AppError } from '@facet/platform';

export interface BootstrapOptions {
  readonly seed: number;
  /** Number of resamples; 1,000 by default, enough for two digits of a 95 % interval. */
  readonly samples?: number;
  /** 0.95 by default. */
  readonly confidence?: number;
}

/** A mean and its percentile interval. */
export interface BootstrapInterval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Mean of `values` minus `baseline` over the same users. */
export interface PairedDifference extends BootstrapInterval {
  /** The share of resamples in which the difference is above 0. */
  readonly shareAboveZero: number;
}

/**
 * Returns the mean over users with its percentile bootstrap interval. Users are drawn with replacement, so the interval
 * says how far the mean would move with other users of the same kind.
 *
 * @throws AppError `EVALUATION_NO_USERS` for no values.
 */
export function bootstrapInterval(values: ArrayLike<number>, options: BootstrapOptions): BootstrapInterval {
  return intervalOf(values, options).interval;
}

/**
 * Returns the bootstrap interval of the mean difference `values[u] - baseline[u]`. Pairing removes the variance between
 * users, so it separates two models whose own intervals overlap.
 *
 * @throws AppError `EVALUATION_USERS_DIFFER` for arrays of different length, `EVALUATION_NO_USERS` for empty ones.
 */
export function pairedBootstrap(
  values: ArrayLike<number>,
  baseline: ArrayLike<number>,
  options: BootstrapOptions,
): PairedDifference {
  if (values.length !== baseline.length) {
    throw new AppError(`A paired comparison needs the same users, but got ${values.length} and ${baseline.length}.`, {
      code: 'EVALUATION_USERS_DIFFER',
      category: 'internal',
      remedy: 'Evaluate both on the same held-out users, in the same order.',
    });
  }
  const differences = Float64Array.from(values, (value, user) => value - baseline[user]!);
  const { interval, means } = intervalOf(differences, options);
  return { ...interval, shareAboveZero: means.filter((resampled) => resampled > 0).length / means.length };
}

/** Returns the mean of `values` with its interval, and the sorted means of resamples of the same size. */
function intervalOf(values: ArrayLike<number>, { seed, samples = 1000, confidence = 0.95 }: BootstrapOptions) {
  const users = values.length;
  if (users === 0) {
    throw new AppError('There are no values to resample.', {
      code: 'EVALUATION_NO_USERS',
      category: 'input',
      remedy: 'Hold out a window in which at least one known user interacts with an item.',
    });
  }
  const random = createRandom(seed);
  const means = new Float64Array(samples);
  for (let sample = 0; sample < means.length; sample++) {
    let total = 0;
    for (let draw = 0; draw < users; draw++) total += values[random.int(users)]!;
    means[sample] = total / users;
  }
  let total = 0;
  for (let user = 0; user < users; user++) total += values[user]!;
  means.sort();
  const [low, high] = [quantile(means, (1 - confidence) / 2), quantile(means, (1 + confidence) / 2)] as const;
  return { interval: { mean: total / users, low, high }, means };
}

/** Interpolates linearly between the two nearest of the sorted values. */
function quantile(sorted: Float64Array, share: number): number {
  const index = share * (sorted.length - 1);
  const below = Math.floor(index);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (index - below) * (sorted[above]! - sorted[below]!);
}

/** A mean over runs with different seeds and its precision. */
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

/** Returns the mean of one value per seed with its t interval: how far the mean would move with other seeds. */
export function seedInterval(values: readonly number[]): SeedInterval {
  const runs = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / runs;
  if (runs < 2) return { mean };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (runs - 1) / runs);
  return { mean, halfWidth: (tQuantiles[runs - 2] ?? normalQuantile) * standardError };
}
