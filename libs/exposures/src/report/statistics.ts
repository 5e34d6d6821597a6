/** A ratio of two sums over users, with its 95 % interval; without one where users do not differ or there is only one. */
export interface RatioEstimate {
  readonly value: number;
  /** Of the value. */
  readonly variance: number;
  readonly low?: number;
  readonly high?: number;
}

/**
 * sum(numerator) / sum(denominator) over users, such as clicked exposures by exposures. Users are who was randomized, and the
 * exposures of one user are alike, so the variance is taken over users by the delta method: with R the ratio, n users, and
 * d the mean denominator, Var(R) = Var(numerator - R denominator) / (n d²) (Deng, Knoblich, Lu 2018, "Applying the delta method
 * in metric analytics", eq. 3).
 *
 * @param units which users, as places in both columns.
 * @returns undefined when the denominators add up to 0.
 */
export function estimateRatio(
  numerators: ArrayLike<number>,
  denominators: ArrayLike<number>,
  units: ArrayLike<number>,
): RatioEstimate | undefined {
  const n = units.length;
  let numerator = 0;
  let denominator = 0;
  for (let index = 0; index < n; index++) {
    numerator += numerators[units[index]!]!;
    denominator += denominators[units[index]!]!;
  }
  if (denominator === 0) return undefined;
  const value = numerator / denominator;
  // The residuals numerator - R denominator have the mean 0.
  let squares = 0;
  for (let index = 0; index < n; index++) {
    const unit = units[index]!;
    squares += (numerators[unit]! - value * denominators[unit]!) ** 2;
  }
  const variance = n < 2 ? 0 : ((squares / (n - 1)) * n) / denominator ** 2;
  if (variance === 0) return { value, variance };
  const margin = z95 * Math.sqrt(variance);
  return { value, variance, low: Math.max(0, value - margin), high: value + margin };
}

/** How much larger one ratio is than another, of other users. */
export interface RatioDifference {
  readonly value: number;
  /** The 95 % interval. */
  readonly low: number;
  readonly high: number;
  /** How likely chance alone makes a difference at least as large; two-sided. */
  readonly pValue: number;
  /** The difference as a share of the control; absent where that is 0. */
  readonly relative?: number;
}

/** The difference of an arm to its control, by the normal approximation; undefined where nothing is known of chance. */
export function compareRatios(
  arm: RatioEstimate | undefined,
  control: RatioEstimate | undefined,
): RatioDifference | undefined {
  if (arm === undefined || control === undefined) return undefined;
  const error = Math.sqrt(arm.variance + control.variance);
  if (error === 0) return undefined;
  const value = arm.value - control.value;
  return {
    value,
    low: value - z95 * error,
    high: value + z95 * error,
    pValue: normalTails(value / error),
    ...(control.value === 0 ? {} : { relative: value / control.value }),
  };
}

/** Below this the split is taken for broken: one sound experiment in a thousand is suspected wrongly. */
export const mismatchBelow = 0.001;

/** Whether as many users are in each arm as the weights say. */
export interface SampleRatio {
  readonly chiSquare: number;
  readonly degrees: number;
  readonly pValue: number;
  /** The arms are not comparable: something keeps users of one of them out of the log, or moves them. */
  readonly isMismatch: boolean;
  /** [arms] */
  readonly expected: readonly number[];
}

/** Pearson's chi-square test of users per arm against the weights; undefined without users or with one arm. */
export function testSampleRatio(units: readonly number[], weights: readonly number[]): SampleRatio | undefined {
  const total = units.reduce((sum, count) => sum + count, 0);
  if (total === 0 || units.length < 2) return undefined;
  const allWeights = weights.reduce((sum, weight) => sum + weight, 0);
  const expected = weights.map((weight) => (total * weight) / allWeights);
  const chiSquare = units.reduce((sum, count, arm) => sum + (count - expected[arm]!) ** 2 / expected[arm]!, 0);
  const degrees = units.length - 1;
  const pValue = chiSquareTail(chiSquare, degrees);
  return { chiSquare, degrees, pValue, isMismatch: pValue < mismatchBelow, expected };
}

import jstat from 'jstat';

/** The two-sided 95 % quantile of the standard normal distribution. */
export const z95 = 1.959963984540054;

/** How likely a standard normal value is to be at least as far from 0. */
export function normalTails(z: number): number {
  return jstat.jStat.erfc(Math.abs(z) / Math.SQRT2);
}

/** How likely a chi-square value of so many degrees of freedom is to be at least as large. */
export function chiSquareTail(statistic: number, degrees: number): number {
  return Math.max(0, 1 - jstat.jStat.chisquare.cdf(statistic, degrees));
}
