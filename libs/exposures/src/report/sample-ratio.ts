import { chiSquareTail } from './distributions.ts';

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
