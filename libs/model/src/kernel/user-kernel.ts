import type { BehaviorRows } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { squashEpsilon, unitLengthEpsilon } from '../epsilon.ts';
import { profileTable, repeatFeatureCount, repeatFeatures, scalarScale } from '../weights.ts';
import type { Weights } from '../weights.ts';
import { activeInterestCount } from './active-interests.ts';
import { indexDim } from './item-embeddings.ts';

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
  const layers = layersOf(spec, weights);

  /** Rows of the behaviors from slot `first` on: their inputs [n, D] and those through S [n, D]. */
  function behaviorInputs(behaviors: BehaviorRows, first: number): { inputs: Float32Array; projected: Float32Array } {
    const n = L - first;
    const inputs = new Float32Array(n * D);
    const projected = new Float32Array(n * D);
    for (let row = 0; row < n; row++) {
      const slot = first + row;
      const item = behaviors.items[slot]! * D;
      const isAdded = item >= embeddings.length;
      const table = isAdded ? added : embeddings;
      const source = isAdded ? item - embeddings.length : item;
      for (let d = 0; d < D; d++) inputs[row * D + d] = table[source + d]!;
      if (config.recency) {
        addScaled(inputs, row * D, weights['behavior/age']!.data, behaviors.ages[slot]! * D, 1, D);
      }
      for (let out = 0; out < D; out++) projected[row * D + out] = dot(inputs, row * D, S, out * D, D);
    }
    return { inputs, projected };
  }

  function recencyLogit(behaviors: BehaviorRows, slot: number, ageTable: string): number {
    return weights[ageTable]!.data[behaviors.ages[slot]!]! * scalarScale;
  }

  /** B2I routing (see layers/routing.ts) for K interests; returns capsules [K, D] and the last routing weights [K, n]. */
  function route(
    projected: Float32Array,
    weightOf: Float32Array,
    K: number,
    first: number,
  ): { capsules: Float32Array; routing: Float32Array } {
    const n = L - first;
    const b = new Float32Array(K * n);
    for (let k = 0; k < K; k++) b.set(logits.subarray(k * L + first, (k + 1) * L), k * n);
    const routing = new Float32Array(K * n);
    const capsules = new Float32Array(K * D);
    const cosine = config.routing.cosineAgreement;
    const lengths = Float32Array.from({ length: n }, (_, row) => lengthOf(projected, row * D, D));
    for (let iteration = 0; iteration < config.routing.iterations; iteration++) {
      softmaxOverInterests(b, routing, K, n);
      for (let cell = 0; cell < K * n; cell++) routing[cell]! *= weightOf[cell % n]!;
      capsules.fill(0);
      for (let k = 0; k < K; k++) {
        for (let row = 0; row < n; row++) addScaled(capsules, k * D, projected, row * D, routing[k * n + row]!, D);
        squashRow(capsules, k * D, D);
        if (iteration === config.routing.iterations - 1) continue;
        const capsuleLength = lengthOf(capsules, k * D, D);
        for (let row = 0; row < n; row++) {
          const product = dot(capsules, k * D, projected, row * D, D);
          b[k * n + row]! += cosine === 0 ? product : (cosine * product) / (capsuleLength * lengths[row]!);
        }
      }
    }
    return { capsules, routing };
  }

  function contextOf(behaviors: BehaviorRows, inputs: Float32Array, first: number): Float32Array {
    const n = L - first;
    const shares = new Float32Array(n);
    if (config.recency) {
      for (let row = 0; row < n; row++) shares[row] = recencyLogit(behaviors, first + row, 'context/ageWeight');
    }
    const highest = shares.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let total = 0;
    for (let row = 0; row < n; row++) total += shares[row] = Math.exp(shares[row]! - highest);
    const context = new Float32Array(D);
    for (let row = 0; row < n; row++) addScaled(context, 0, inputs, row * D, shares[row]! / total, D);
    return context;
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
      const { inputs, projected } = behaviorInputs(behaviors, first);
      const weightOf = new Float32Array(n).fill(1);
      if (config.recency) {
        for (let row = 0; row < n; row++) {
          weightOf[row] = Math.exp(recencyLogit(behaviors, first + row, 'behavior/ageWeight'));
        }
      }
      const { capsules, routing } = route(projected, weightOf, K, first);
      const context = config.context ? contextOf(behaviors, inputs, first) : new Float32Array(0);
      const profileVector = profileOf(spec, weights, profile);
      for (let k = 0; k < K; k++) {
        behaviorWeights.set(routing.subarray(k * n, (k + 1) * n), k * L + first);
        const capsule = capsules.subarray(k * D, (k + 1) * D);
        const vector = hidden(layers, [capsule, context, profileVector]);
        if (config.residual) for (let d = 0; d < D; d++) vector[d]! += capsule[d]! + (context[d] ?? 0);
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

interface Layer {
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly relu: boolean;
}

function layersOf(spec: ModelSpec, weights: Weights): Layer[] {
  const count = spec.config.hiddenUnits.length;
  return Array.from({ length: count + 1 }, (_, layer) => ({
    kernel: weights[`hidden/${layer}/kernel`]!.data,
    bias: weights[`hidden/${layer}/bias`]!.data,
    relu: layer < count || spec.config.outputActivation === 'relu',
  }));
}

/** The H-layers on the concatenation of `parts`. */
function hidden(layers: readonly Layer[], parts: readonly Float32Array[]): Float32Array {
  let input = new Float32Array(parts.reduce((width, part) => width + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    input.set(part, offset);
    offset += part.length;
  }
  for (const { kernel, bias, relu } of layers) {
    const output = bias.slice();
    for (let row = 0; row < input.length; row++) {
      addScaled(output, 0, kernel, row * output.length, input[row]!, output.length);
    }
    if (relu) for (let unit = 0; unit < output.length; unit++) output[unit] = Math.max(0, output[unit]!);
    input = output;
  }
  return input;
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

function dot(a: Float32Array, aOffset: number, b: Float32Array, bOffset: number, length: number): number {
  let sum = 0;
  for (let d = 0; d < length; d++) sum += a[aOffset + d]! * b[bOffset + d]!;
  return sum;
}

function addScaled(
  target: Float32Array,
  offset: number,
  source: Float32Array,
  sourceOffset: number,
  factor: number,
  length: number,
): void {
  for (let d = 0; d < length; d++) target[offset + d]! += factor * source[sourceOffset + d]!;
}
