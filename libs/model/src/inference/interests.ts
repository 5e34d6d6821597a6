import { dot } from '@facet/platform';
import type { ModelConfig } from '../config.ts';
import { lengthOf, multiplyByRows } from './matrix.ts';

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

type MergeConfig = Pick<ModelConfig, 'embeddingDim' | 'mergeCosine' | 'normalize'>;

/** Whether interests i and k nearly coincide. */
function isNear(
  { embeddingDim: D, mergeCosine = Infinity }: MergeConfig,
  { count, vectors }: Pick<Interests, 'count' | 'vectors'>,
  i: number,
  k: number,
): boolean {
  const from = (i * vectors.length) / count;
  const to = (k * vectors.length) / count;
  return dot(vectors, from, vectors, to, D) >= mergeCosine * lengthOf(vectors, from, D) * lengthOf(vectors, to, D);
}

/** Whether any two interests nearly coincide. Allocates nothing, because few users have such interests. */
function hasNear(config: MergeConfig, interests: Pick<Interests, 'count' | 'vectors'>): boolean {
  if (config.mergeCosine === undefined) return false;
  for (let k = 1; k < interests.count; k++) {
    for (let i = 0; i < k; i++) if (isNear(config, interests, i, k)) return true;
  }
  return false;
}

/** Returns the number of the merged interest, from 0, that each interest joins: the first one whose first member is near enough. */
export function groupInterests(config: MergeConfig, interests: Pick<Interests, 'count' | 'vectors'>): number[] {
  const firsts: number[] = [];
  return Array.from({ length: interests.count }, (_, k) => {
    const found = firsts.findIndex((first) => isNear(config, interests, first, k));
    return found === -1 ? firsts.push(k) - 1 : found;
  });
}

/**
 * Merges interests that nearly coincide (`mergeCosine`), because they find almost the same items. A merged interest is the mean of its members,
 * at unit length if the model normalizes, and has the sum of their behavior weights. Inference and evaluation both call this.
 */
export function mergeInterests(config: MergeConfig, interests: Interests): Interests {
  if (!hasNear(config, interests)) return interests;
  const groups = groupInterests(config, interests);
  const count = Math.max(...groups) + 1;
  const { embeddingDim: D, normalize } = config;
  const merge = (rows: Float32Array): Float32Array => {
    const width = rows.length / interests.count;
    const merged = new Float32Array(count * width);
    rows.forEach((value, cell) => (merged[groups[Math.floor(cell / width)]! * width + (cell % width)]! += value));
    return merged;
  };
  const vectors = merge(interests.vectors);
  const dim = vectors.length / count;
  for (let group = 0; group < count; group++) {
    const members = groups.filter((other) => other === group).length;
    const length = normalize ? lengthOf(vectors, group * dim, D) : members;
    for (let d = 0; d < D; d++) vectors[group * dim + d]! /= length;
    // The coordinate of the popularity prior.
    if (dim > D) vectors[group * dim + D] = 1;
  }
  return { count, vectors, behaviorWeights: merge(interests.behaviorWeights) };
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
