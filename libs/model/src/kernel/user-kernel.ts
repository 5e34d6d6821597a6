import type { BehaviorRows } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { profileTable, repeatFeatureCount, repeatFeatures, scalarScale } from '../weights.ts';
import type { Weights } from '../weights.ts';
import { activeInterestCount } from './active-interests.ts';
import { createExtractorKernel } from './extractors/create-extractor-kernel.ts';
import { indexDim } from './item-embeddings.ts';
import { createInterestLayers } from './interest-layers.ts';
import { createItemTable } from './item-table.ts';
import { addWeightedRows, dot, lengthOf } from './rows.ts';

/** The interests of one user. */
export interface Interests {
  /** K'u; 0 for a user without behaviors, or without vectors in a model that has such. */
  readonly count: number;
  /** [K'u, index dim] interest vectors, ready for the index (a 1 appended where items carry a prior). */
  readonly vectors: Float32Array;
  /** [K'u, L] the weight with which each behavior went into each interest; 0 for padding. */
  readonly behaviorWeights: Float32Array;
}

/** The row of whoever has no vectors of their own: everybody, but in models with a table of them. */
export const unknownUser = -1;

/** Computes interests at inference with typed arrays: the same function as the user tower, without TensorFlow. */
export interface UserKernel {
  /** L, the length of the behavior rows it takes. */
  readonly sequenceLength: number;
  /** Whether those rows hold an item once, with its count. */
  readonly distinctBehaviors: boolean;
  /**
   * @param behaviors one row @param profile a table row for each user feature, 0 for unknown
   * @param userRow of a user who has vectors of their own (`user-vectors`), else {@link unknownUser}
   */
  interests(behaviors: BehaviorRows, profile: readonly number[], userRow: number): Interests;
  /** The bonus of each slot's item for having been chosen before, [L]; zero where the model has none. */
  repeatBonuses(behaviors: BehaviorRows): Float32Array;
}

/**
 * What is computed on the way lies in arrays that are used again for the next user: a new one for each would cost more
 * than the sums.
 *
 * @param embeddings E [N + 1, D] from `embedItems`
 * @param added [M, D] of items N + 1 .. N + M that came later, apart because E is large and never copied
 */
export function createUserKernel(
  spec: ModelSpec,
  weights: Weights,
  embeddings: Float32Array,
  added: Float32Array = new Float32Array(0),
): UserKernel {
  const { config } = spec;
  const { embeddingDim: D, interests: maxInterests, sequenceLength: L } = config;
  const dim = indexDim(spec);
  const hasUserVectors = config.extractor.kind === 'user-vectors';
  const items = createItemTable(embeddings, added, D);
  const extractor = createExtractorKernel({ spec, weights, items });
  const runLayers = createInterestLayers(spec, weights);
  const ages = config.recency ? weights['behavior/age']!.data : undefined;
  const inputs = new Float32Array(L * D);
  const weightOf = new Float32Array(L);
  const shares = new Float32Array(L);
  const context = new Float32Array(config.context ? D : 0);

  /** [n, D] the behaviors from slot `first` on: the item's embedding and its age's. */
  function readBehaviors(rows: BehaviorRows, first: number): void {
    for (let row = 0; row < L - first; row++) {
      const item = rows.items[first + row]!;
      const table = items.arrayOf(item);
      const source = items.offsetOf(item);
      for (let d = 0; d < D; d++) inputs[row * D + d] = table[source + d]!;
      if (ages === undefined) continue;
      const age = rows.ages[first + row]! * D;
      for (let d = 0; d < D; d++) inputs[row * D + d]! += ages[age + d]!;
    }
  }

  function recencyLogit(behaviors: BehaviorRows, slot: number, ageTable: string): number {
    return weights[ageTable]!.data[behaviors.ages[slot]!]! * scalarScale;
  }

  function weighBehaviors(behaviors: BehaviorRows, first: number): void {
    weightOf.fill(1);
    if (!config.recency) return;
    for (let row = 0; row < L - first; row++) {
      weightOf[row] = Math.exp(recencyLogit(behaviors, first + row, 'behavior/ageWeight'));
    }
  }

  function readContext(behaviors: BehaviorRows, first: number): void {
    const n = L - first;
    let highest = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < n; row++) {
      shares[row] = config.recency ? recencyLogit(behaviors, first + row, 'context/ageWeight') : 0;
      highest = Math.max(highest, shares[row]!);
    }
    let total = 0;
    for (let row = 0; row < n; row++) total += shares[row] = Math.exp(shares[row]! - highest);
    for (let row = 0; row < n; row++) shares[row]! /= total;
    context.fill(0);
    addWeightedRows(context, 0, inputs, 0, D, shares, 0, n);
  }

  return {
    sequenceLength: L,
    distinctBehaviors: config.distinctBehaviors,
    interests(rows, profile, userRow) {
      const first = firstBehavior(rows.items, L);
      const n = L - first;
      const K = hasUserVectors
        ? Number(userRow !== unknownUser) * maxInterests
        : activeInterestCount(n, maxInterests, config.adaptiveInterests);
      const vectors = new Float32Array(K * dim);
      const behaviorWeights = new Float32Array(K * L);
      if (K === 0) return { count: 0, vectors, behaviorWeights };
      readBehaviors(rows, first);
      weighBehaviors(rows, first);
      extractor.extract(K, { userRow, rows, first, n, behaviors: inputs, weights: weightOf });
      if (config.context) readContext(rows, first);
      const run = runLayers(context, profileOf(spec, weights, profile));
      const { capsules } = extractor;
      for (let k = 0; k < K; k++) {
        behaviorWeights.set(extractor.shares.subarray(k * n, (k + 1) * n), k * L + first);
        const vector = run(capsules, k * D);
        if (config.residual) for (let d = 0; d < D; d++) vector[d]! += capsules[k * D + d]! + (context[d] ?? 0);
        if (config.normalize) scaleToUnitLength(vector);
        vectors.set(vector, k * dim);
        if (dim > D) vectors[k * dim + D] = 1;
      }
      return { count: K, vectors, behaviorWeights };
    },
    repeatBonuses(behaviors) {
      const bonuses = new Float32Array(L);
      const weight = weights['repeat/weights']?.data;
      if (weight === undefined) return bonuses;
      const first = firstBehavior(behaviors.items, L);
      const features = new Float32Array(repeatFeatureCount);
      for (let slot = first; slot < L; slot++) {
        repeatFeatures(features, 0, behaviors.ages[slot]!, behaviors.counts[slot]!, L - first);
        bonuses[slot] = dot(features, 0, weight, 0, repeatFeatureCount) * scalarScale;
      }
      return bonuses;
    },
  };
}

function profileOf(spec: ModelSpec, weights: Weights, profile: readonly number[]): Float32Array {
  const P = spec.config.profileDim;
  const vector = new Float32Array(P * spec.userFeatures.length);
  spec.userFeatures.forEach((feature, position) => {
    const row = (profile[position] ?? 0) * P;
    vector.set(weights[profileTable(feature.name)]!.data.subarray(row, row + P), position * P);
  });
  return vector;
}

/** Padding lies in front: the first slot with a behavior. */
function firstBehavior(items: Int32Array, length: number): number {
  let first = 0;
  while (first < length && items[first] === 0) first++;
  return first;
}

function scaleToUnitLength(vector: Float32Array): void {
  const scale = 1 / lengthOf(vector, 0, vector.length);
  for (let d = 0; d < vector.length; d++) vector[d]! *= scale;
}
