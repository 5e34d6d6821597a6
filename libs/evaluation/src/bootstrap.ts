import { createRandom } from '@facet/features';
import { AppError } from '@facet/platform';

export interface BootstrapOptions {
  readonly seed: number;
  /** Resamples drawn; 1,000 by default, enough for two digits of a 95 % interval. */
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

/** `values` of another run minus a baseline's, over the same users. */
export interface PairedDifference extends BootstrapInterval {
  /** The share of resamples in which the difference is above 0. */
  readonly shareAboveZero: number;
}

/**
 * The percentile bootstrap of the mean over users: users are drawn with replacement, so the interval says how far the
 * mean would move with other users of the same kind.
 *
 * @throws AppError `EVALUATION_NO_USERS` for no values.
 */
export function bootstrapInterval(values: ArrayLike<number>, options: BootstrapOptions): BootstrapInterval {
  const { mean, means, confidence } = resampleMeans(values, options);
  return { mean, low: quantile(means, (1 - confidence) / 2), high: quantile(means, (1 + confidence) / 2) };
}

/**
 * The bootstrap of the mean difference `values[u] - baseline[u]`. Pairing removes what the users have in common, so it
 * tells two models apart where their separate intervals overlap.
 *
 * @throws AppError `EVALUATION_USERS_DIFFER` for arrays of different length, `EVALUATION_NO_USERS` for empty ones.
 */
export function pairedBootstrap(
  values: ArrayLike<number>,
  baseline: ArrayLike<number>,
  options: BootstrapOptions,
): PairedDifference {
  if (values.length !== baseline.length) {
    throw new AppError(`A paired comparison needs the same users: there are ${values.length} and ${baseline.length}.`, {
      code: 'EVALUATION_USERS_DIFFER',
      category: 'internal',
      remedy: 'Evaluate both on the same held-out users, in the same order.',
    });
  }
  const differences = Float64Array.from(values, (value, user) => value - baseline[user]!);
  const { mean, means, confidence } = resampleMeans(differences, options);
  return {
    mean,
    low: quantile(means, (1 - confidence) / 2),
    high: quantile(means, (1 + confidence) / 2),
    shareAboveZero: means.filter((resampled) => resampled > 0).length / means.length,
  };
}

/** The mean of `values`, and the sorted means of resamples of the same size. */
function resampleMeans(values: ArrayLike<number>, options: BootstrapOptions) {
  const users = values.length;
  if (users === 0) {
    throw new AppError('There are no values to resample.', {
      code: 'EVALUATION_NO_USERS',
      category: 'input',
      remedy: 'Hold out a window in which at least one known user chose something.',
    });
  }
  const random = createRandom(options.seed);
  const means = new Float64Array(options.samples ?? 1000);
  for (let sample = 0; sample < means.length; sample++) {
    let total = 0;
    for (let draw = 0; draw < users; draw++) total += values[random.int(users)]!;
    means[sample] = total / users;
  }
  let total = 0;
  for (let user = 0; user < users; user++) total += values[user]!;
  return { mean: total / users, means: means.sort(), confidence: options.confidence ?? 0.95 };
}

/** Linear interpolation between the two nearest of the sorted values. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}
