import type { ModelConfig } from '../config.ts';
import { multiplyByRows } from './matrix.ts';

/** The interests of one user. */
export interface Interests {
  /** K'u. 0 for a user without behaviors, or without learned vectors in a model with user vectors. */
  readonly count: number;
  /** [K'u, index dim] interest vectors for the index, with a 1 appended if items have a popularity prior. */
  readonly vectors: Float32Array;
  /** [K'u, L] the weight of each behavior in each interest, 0 for padding. */
  readonly behaviorWeights: Float32Array;
}

/** Returns K'u = max(1, min(K, ⌊log2 n⌋)) (paper, Eq. 8), or 0 without behaviors. */
export function activeInterestCount(behaviorCount: number, maxInterests: number, adaptive = true): number {
  if (behaviorCount === 0) return 0;
  if (!adaptive) return maxInterests;
  return Math.max(1, Math.min(maxInterests, 31 - Math.clz32(behaviorCount)));
}

/** The row index for users without learned vectors: every user, unless the model has a table of user vectors. */
export const unknownUser = -1;

/** Returns K'u of a user with n behaviors. In a model with user vectors: K for users with learned vectors, 0 for others. */
export function interestCountOf(
  { extractor, interests: K, adaptiveInterests }: ModelConfig,
  behaviorCount: number,
  userRow: number,
): number {
  if (extractor.kind === 'user-vectors') return userRow === unknownUser ? 0 : K;
  return activeInterestCount(behaviorCount, K, adaptiveInterests);
}

export interface ItemScore {
  /**
   * The highest product v_kᵀ e (paper, Eq. 3), or with a sharpness β > 0 the smooth maximum (1/β) ln mean_k exp(β v_kᵀ e), which is never
   * above it. Without interests, −∞.
   */
  readonly score: number;
  /** The nearest interest, the first of equal ones. */
  readonly interest: number;
  /** The product of the nearest interest. */
  readonly product: number;
}

/**
 * Returns a function that scores items for the interests of one user.
 *
 * @param vectors [N + 1, dim] from `indexVectors`.
 */
export function createItemScorer(
  { count, vectors: interests }: Pick<Interests, 'count' | 'vectors'>,
  vectors: Float32Array,
  { dim, sharpness }: { readonly dim: number; readonly sharpness?: number | undefined },
): (item: number) => ItemScore {
  const products = new Float32Array(count);
  return (item) => {
    multiplyByRows(products, 0, vectors, item * dim, 1, interests, 0, count, dim);
    let best = 0;
    for (let interest = 1; interest < count; interest++) if (products[interest]! > products[best]!) best = interest;
    const product = products[best] ?? Number.NEGATIVE_INFINITY;
    return { score: scoreOfInterests(products, sharpness), interest: best, product };
  };
}

/** Combines the scores of an item for each interest into its score. */
export function scoreOfInterests(scores: readonly number[] | Float32Array, sharpness = 0): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > highest) highest = score;
  if (sharpness === 0 || scores.length < 2) return highest;
  let sum = 0;
  for (const score of scores) sum += Math.exp(sharpness * (score - highest));
  return highest + Math.log(sum / scores.length) / sharpness;
}
