import type { BehaviorRows } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { squashEpsilon, unitLengthEpsilon } from '../epsilon.ts';
import { profileTable, repeatFeatureCount, repeatFeatures, scalarScale } from '../weights.ts';
import type { Weights } from '../weights.ts';
import { activeInterestCount } from './active-interests.ts';
import { indexDim } from './item-embeddings.ts';
import { createRowProjection } from './projected-rows.ts';
import { addWeightedRows, dot, multiplyByRows } from './rows.ts';

/** The interests of one user. */
export interface Interests {
  /** K'u; 0 for a user without behaviors. */
  readonly count: number;
  /** [K'u, index dim] interest vectors, ready for the index (a 1 appended where items carry a prior). */
  readonly vectors: Float32Array;
  /** [K'u, L] the weight with which each behavior went into each interest; 0 for padding. */
  readonly behaviorWeights: Float32Array;
}

/** Computes interests at inference with typed arrays: the same function as the user tower, without TensorFlow. */
export interface UserKernel {
  /** L, the length of the behavior rows it takes. */
  readonly sequenceLength: number;
  /** Whether those rows hold an item once, with its count. */
  readonly distinctBehaviors: boolean;
  /**
   * @param behaviors one row @param profile a table row for each user feature, 0 for unknown
   */
  interests(behaviors: BehaviorRows, profile: readonly number[]): Interests;
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
  const S = weights['routing/S']!.data;
  const logits = weights['routing/logits']!.data;
  const runLayers = createLayers(spec, weights);
  const ownRows = embeddings.length / D;
  const project = createRowProjection(S, D, ownRows + added.length / D - 1);
  const ages = config.recency ? weights['behavior/age']!.data : undefined;
  const projectedAges = new Float32Array(ages?.length ?? 0);
  if (ages !== undefined) multiplyByRows(projectedAges, ages, ages.length / D, S, D, D);

  const inputs = new Float32Array(L * D);
  const projected = new Float32Array(L * D);
  const lengths = new Float32Array(L);
  const weightOf = new Float32Array(L);
  const b = new Float32Array(maxInterests * L);
  const routing = new Float32Array(maxInterests * L);
  const agreement = new Float32Array(maxInterests * L);
  const capsules = new Float32Array(maxInterests * D);
  const shares = new Float32Array(L);
  const context = new Float32Array(config.context ? D : 0);

  /** Rows of the behaviors from slot `first` on: their inputs [n, D], the item's and its age's, and those through S [n, D]. */
  function readBehaviors(behaviors: BehaviorRows, first: number): void {
    for (let row = 0; row < L - first; row++) {
      const item = behaviors.items[first + row]!;
      const isAdded = item >= ownRows;
      const table = isAdded ? added : embeddings;
      const source = isAdded ? item - ownRows : item;
      for (let d = 0; d < D; d++) inputs[row * D + d] = table[source * D + d]!;
      project(table, source, item, projected, row * D);
      if (ages === undefined) continue;
      const age = behaviors.ages[first + row]! * D;
      for (let d = 0; d < D; d++) {
        inputs[row * D + d]! += ages[age + d]!;
        projected[row * D + d]! += projectedAges[age + d]!;
      }
    }
  }

  /** B2I routing (see layers/routing.ts) for K interests: capsules [K, D] and the last routing weights [K, n]. */
  function route(K: number, first: number): void {
    const n = L - first;
    for (let k = 0; k < K; k++) b.set(logits.subarray(k * L + first, (k + 1) * L), k * n);
    const cosine = config.routing.cosineAgreement;
    for (let row = 0; row < n; row++) lengths[row] = lengthOf(projected, row * D, D);
    for (let iteration = 0; iteration < config.routing.iterations; iteration++) {
      softmaxOverInterests(b, routing, K, n);
      for (let k = 0; k < K; k++) for (let row = 0; row < n; row++) routing[k * n + row]! *= weightOf[row]!;
      capsules.fill(0);
      for (let k = 0; k < K; k++) {
        addWeightedRows(capsules, k * D, projected, D, routing, k * n, n);
        squashRow(capsules, k * D, D);
      }
      if (iteration === config.routing.iterations - 1) break;
      multiplyByRows(agreement, capsules, K, projected, n, D);
      for (let k = 0; k < K; k++) {
        const capsuleLength = lengthOf(capsules, k * D, D);
        for (let row = 0; row < n; row++) {
          const product = agreement[k * n + row]!;
          b[k * n + row]! += cosine === 0 ? product : (cosine * product) / (capsuleLength * lengths[row]!);
        }
      }
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
    addWeightedRows(context, 0, inputs, D, shares, 0, n);
  }

  return {
    sequenceLength: L,
    distinctBehaviors: config.distinctBehaviors,
    interests(behaviors, profile) {
      const first = firstBehavior(behaviors.items, L);
      const n = L - first;
      const K = activeInterestCount(n, maxInterests, config.adaptiveInterests);
      const vectors = new Float32Array(K * dim);
      const behaviorWeights = new Float32Array(K * L);
      if (K === 0) return { count: 0, vectors, behaviorWeights };
      readBehaviors(behaviors, first);
      weighBehaviors(behaviors, first);
      route(K, first);
      if (config.context) readContext(behaviors, first);
      const run = runLayers(context, profileOf(spec, weights, profile));
      for (let k = 0; k < K; k++) {
        behaviorWeights.set(routing.subarray(k * n, (k + 1) * n), k * L + first);
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

/**
 * The H-layers on a capsule, the context and the profile. What the last two give is the same for all capsules of a user, and
 * computed once. The output lies in an array that the next run overwrites.
 */
function createLayers(
  spec: ModelSpec,
  weights: Weights,
): (context: Float32Array, profile: Float32Array) => (capsules: Float32Array, offset: number) => Float32Array {
  const { embeddingDim: D, hiddenUnits, outputActivation } = spec.config;
  const layers = [...hiddenUnits, D].map((units, layer) => ({
    kernel: weights[`hidden/${layer}/kernel`]!.data,
    bias: weights[`hidden/${layer}/bias`]!.data,
    relu: layer < hiddenUnits.length || outputActivation === 'relu',
    output: new Float32Array(units),
  }));
  const { kernel: firstKernel, bias: firstBias } = layers[0]!;
  const shared = new Float32Array(firstBias.length);
  return (context, profile) => {
    const width = shared.length;
    shared.set(firstBias);
    addWeightedRows(shared, 0, firstKernel.subarray(D * width), width, context, 0, context.length);
    const profileKernel = firstKernel.subarray((D + context.length) * width);
    addWeightedRows(shared, 0, profileKernel, width, profile, 0, profile.length);
    return (capsules, offset) => {
      let input = capsules;
      let from = offset;
      let count = D;
      layers.forEach(({ kernel, bias, relu, output }, layer) => {
        output.set(layer === 0 ? shared : bias);
        addWeightedRows(output, 0, kernel, output.length, input, from, count);
        if (relu) for (let unit = 0; unit < output.length; unit++) output[unit] = Math.max(0, output[unit]!);
        [input, from, count] = [output, 0, output.length];
      });
      return input;
    };
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

function softmaxOverInterests(b: Float32Array, weights: Float32Array, K: number, n: number): void {
  for (let row = 0; row < n; row++) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < K; k++) highest = Math.max(highest, b[k * n + row]!);
    let total = 0;
    for (let k = 0; k < K; k++) total += weights[k * n + row] = Math.exp(b[k * n + row]! - highest);
    for (let k = 0; k < K; k++) weights[k * n + row]! /= total;
  }
}

function squashRow(values: Float32Array, offset: number, D: number): void {
  const squaredNorm = dot(values, offset, values, offset, D);
  const factor = Math.sqrt(squaredNorm + squashEpsilon) / (1 + squaredNorm);
  for (let d = 0; d < D; d++) values[offset + d]! *= factor;
}

function lengthOf(values: Float32Array, offset: number, D: number): number {
  return Math.sqrt(dot(values, offset, values, offset, D) + unitLengthEpsilon);
}

function scaleToUnitLength(vector: Float32Array): void {
  const scale = 1 / lengthOf(vector, 0, vector.length);
  for (let d = 0; d < vector.length; d++) vector[d]! *= scale;
}
