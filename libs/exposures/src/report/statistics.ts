import jstat from 'jstat';
import type { RatioDifference, RatioEstimate, SampleRatio } from './report-schema.ts';

/**
 * Estimates sum(numerator) / sum(denominator) over users, such as clicked exposures / exposures.
 *
 * Users are the unit of randomization, and exposures of one user are correlated. So the variance is taken over users by
 * the delta method: with the ratio R, n users, and the mean denominator d, Var(R) = Var(numerator - R denominator) / (n
 * d²) (Deng, Knoblich, Lu 2018, "Applying the delta method in metric analytics", eq. 3).
 *
 * @param units Users to include, as indices into both columns.
 * @returns Undefined if the denominators sum to 0.
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
  // The residuals numerator - R denominator have mean 0.
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

/** Compares an arm with its control by the normal approximation. Returns undefined without variance. */
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
    relative: control.value === 0 ? undefined : value / control.value,
  };
}

/** Significance level of the sample ratio test: a sound experiment is flagged once in a thousand. */
const mismatchLevel = 0.001;

/**
 * Performs Pearson's chi-square test of the users per arm against the weights. Returns undefined without users or with
 * one arm.
 */
export function testSampleRatio(units: readonly number[], weights: readonly number[]): SampleRatio | undefined {
  const total = units.reduce((sum, count) => sum + count, 0);
  if (total === 0 || units.length < 2) return undefined;
  const allWeights = weights.reduce((sum, weight) => sum + weight, 0);
  const expected = weights.map((weight) => (total * weight) / allWeights);
  const chiSquare = units.reduce((sum, count, arm) => sum + (count - expected[arm]!) ** 2 / expected[arm]!, 0);
  const degrees = units.length - 1;
  const pValue = chiSquareTail(chiSquare, degrees);
  return { chiSquare, degrees, pValue, isMismatch: pValue < mismatchLevel, expected };
}

/** Two-sided 95 % quantile of the standard normal distribution. */
const z95 = 1.959963984540054;

/** Returns P(|Z| ≥ |z|) of a standard normal Z. */
function normalTails(z: number): number {
  return jstat.jStat.erfc(Math.abs(z) / Math.SQRT2);
}

/** Returns P(X ≥ statistic) of a chi-square X with `degrees` degrees of freedom. */
function chiSquareTail(statistic: number, degrees: number): number {
  return Math.max(0, 1 - jstat.jStat.chisquare.cdf(statistic, degrees));
}
