import { dot } from '@facet/platform';
import type { Interests } from './interests.ts';

/**
 * Returns the coupling coefficients w_ij of a user (paper, §4.2, Algorithm 1) [L, K'u]: the share of behavior i that goes to
 * interest j. They sum to 1 over the interests; 0 for padding and for learned user vectors, which have no behaviors.
 *
 * In a routed capsule, the weight of a behavior is w_ij times its recency weight, which is the same for all interests.
 * In self-attention, and in routing with a softmax over behaviors, the weights of an interest sum to 1 over the behaviors. There, a
 * coefficient is the weight of the behavior divided by the sum of its weights in all interests.
 */
export function couplingCoefficients({ count, behaviorWeights }: Omit<Interests, 'vectors'>): Float32Array {
  const L = count === 0 ? 0 : behaviorWeights.length / count;
  const coefficients = new Float32Array(L * count);
  for (let slot = 0; slot < L; slot++) {
    let total = 0;
    for (let interest = 0; interest < count; interest++) total += behaviorWeights[interest * L + slot]!;
    if (total === 0) continue;
    for (let interest = 0; interest < count; interest++) {
      coefficients[slot * count + interest] = behaviorWeights[interest * L + slot]! / total;
    }
  }
  return coefficients;
}

/** How similar the items of one interest are, against items of different interests (paper, case study of the item distribution). */
export interface InterestCohesion {
  /** Mean cosine over the pairs of items whose strongest interest is the same; undefined without such a pair. */
  readonly within: number | undefined;
  /** Mean cosine over the pairs of items with different strongest interests; undefined without such a pair. */
  readonly across: number | undefined;
}

/**
 * Measures how well the interests separate the items of a user.
 *
 * @param vectors [n, D] of the items.
 * @param coefficients [n, K'u] coupling coefficients of the items.
 */
export function interestCohesion(
  vectors: readonly Float32Array[],
  coefficients: readonly (readonly number[])[],
): InterestCohesion {
  const strongest = coefficients.map((own) => own.indexOf(Math.max(...own)));
  const lengths = vectors.map((vector) => Math.sqrt(dot(vector, 0, vector, 0, vector.length)));
  const sums = { within: 0, across: 0 };
  const pairs = { within: 0, across: 0 };
  for (let first = 0; first < vectors.length; first++) {
    for (let second = first + 1; second < vectors.length; second++) {
      // An item without any known feature has a zero vector, which has no direction.
      if (lengths[first] === 0 || lengths[second] === 0) continue;
      const kind = strongest[first] === strongest[second] ? 'within' : 'across';
      const product = dot(vectors[first]!, 0, vectors[second]!, 0, vectors[first]!.length);
      sums[kind] += product / (lengths[first]! * lengths[second]!);
      pairs[kind]++;
    }
  }
  const meanOf = (kind: 'within' | 'across') => (pairs[kind] === 0 ? undefined : sums[kind] / pairs[kind]);
  return { within: meanOf('within'), across: meanOf('across') };
}
