import { createBehaviorRows } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import { dot } from '@facet/platform';
import type { ModelSpec } from '../config.ts';
import { contextBlocks, profileTable, repeatFeatureCount, repeatFeatures, scalarScale } from '../weights.ts';
import type { Weights } from '../weights.ts';
import { createExtractor } from './extractors/create-extractor.ts';
import { createTransformer } from './extractors/transformer.ts';
import { createInterestLayers } from './interest-layers.ts';
import { interestCountOf, unknownUser } from './interests.ts';
import type { InterestBuffer, Interests } from './interests.ts';
import { indexDim } from './item-embeddings.ts';
import { createItemTable } from './item-table.ts';
import { addWeightedRows, lengthOf } from './matrix.ts';

/** Computes the user tower on typed arrays, without TensorFlow. */
export interface InferenceEngine {
  /** L, the length of its behavior rows. */
  readonly sequenceLength: number;
  /** Whether a behavior row contains each item once, with its count. */
  readonly distinctBehaviors: boolean;
  /**
   * Returns the interests of one user.
   *
   * @param behaviors One row.
   * @param profile For each user feature a row of its table, 0 for unknown.
   * @param userRow The row of a user with learned vectors (`user-vectors`), otherwise {@link unknownUser}.
   * @param interestCount K'u, at most K. Default: by the number of behaviors (paper, Eq. 8).
   */
  interests(behaviors: BehaviorRows, profile: readonly number[], userRow: number, interestCount?: number): Interests;
  /** Writes the interests to a buffer of {@link createBuffer}, without allocation. */
  interestsInto(
    buffer: InterestBuffer,
    behaviors: BehaviorRows,
    profile: readonly number[],
    userRow: number,
    interestCount?: number,
  ): void;
  createBuffer(): InterestBuffer;
  /** Returns the repeat bonus of the item in each slot, zero if the model has none. */
  repeatBonuses(behaviors: BehaviorRows): Float32Array;
}

/**
 * Creates an engine that reuses its intermediate arrays, since allocation would cost more than the arithmetic.
 *
 * @param embeddings E [N + 1, D] from `embedItems`.
 * @param added [M, D] of later items N + 1 .. N + M. Separate, so that the large E is never copied.
 */
export function createInferenceEngine(
  spec: ModelSpec,
  weights: Weights,
  embeddings: Float32Array,
  added: Float32Array = new Float32Array(0),
): InferenceEngine {
  const { config } = spec;
  const { embeddingDim: D, interests: maxInterests, sequenceLength: L } = config;
  const dim = indexDim(spec);
  const items = createItemTable(embeddings, added, D);
  const extractor = createExtractor({ spec, weights, items });
  const attention =
    config.context === 'attention'
      ? createTransformer({ kind: 'transformer', blocks: contextBlocks }, { spec, weights, items })
      : undefined;
  const layers = createInterestLayers(spec, weights);
  const readProfile = createProfileReader(spec, weights);
  const readRecency = createRecencyReader(weights);
  const inputs = new Float32Array(L * D);
  const weightOf = new Float32Array(L);
  const shares = new Float32Array(L);
  const context = new Float32Array(config.context === 'none' ? 0 : D);
  const ages = config.recency ? weights['behavior/age']!.data : undefined;
  const input = {
    userRow: unknownUser,
    rows: createBehaviorRows(1, 0) as BehaviorRows,
    first: 0,
    n: 0,
    behaviors: inputs,
    weights: weightOf,
  };

  /** Writes the embeddings [n, D] of the behaviors from slot `first` on: of the item, plus that of its age. */
  function readBehaviors(rows: BehaviorRows, first: number): void {
    for (let row = 0; row < L - first; row++) {
      const item = rows.items[first + row]!;
      const table = items.arrayOf(item);
      const source = items.offsetOf(item);
      const target = row * D;
      if (ages === undefined) {
        for (let d = 0; d < D; d++) inputs[target + d] = table[source + d]!;
      } else {
        const age = rows.ages[first + row]! * D;
        for (let d = 0; d < D; d++) inputs[target + d] = table[source + d]! + ages[age + d]!;
      }
    }
  }

  function weighBehaviors(rows: BehaviorRows, first: number): void {
    for (let row = 0; row < L - first; row++) weightOf[row] = 1;
    if (!config.recency) return;
    readRecency('behavior/ageWeight', rows, first, weightOf);
    for (let row = 0; row < L - first; row++) weightOf[row] = Math.exp(weightOf[row]!);
  }

  function readContext(rows: BehaviorRows, first: number): void {
    const n = L - first;
    shares.fill(0);
    if (config.recency) readRecency('context/ageWeight', rows, first, shares);
    softmax(shares, n);
    context.fill(0);
    addWeightedRows(context, 0, inputs, 0, D, shares, 0, n);
    if (attention === undefined) return;
    attention.extract(1, input);
    for (let d = 0; d < D; d++) context[d]! += attention.capsules[d]!;
  }

  /** Writes interest k from the output of the layers. */
  function writeInterest(k: number, buffer: InterestBuffer): void {
    const { capsules } = extractor;
    const { vectors, behaviorWeights } = buffer;
    const { output } = layers;
    const from = k * D;
    if (config.residual) for (let d = 0; d < D; d++) output[from + d]! += capsules[from + d]!;
    const scale = config.normalize ? 1 / lengthOf(output, from, D) : 1;
    for (let d = 0; d < D; d++) vectors[k * dim + d] = output[from + d]! * scale;
    if (dim > D) vectors[k * dim + D] = 1;
    const { n, first } = input;
    for (let slot = 0; slot < first; slot++) behaviorWeights[k * L + slot] = 0;
    for (let row = 0; row < n; row++) behaviorWeights[k * L + first + row] = extractor.shares[k * n + row]!;
  }

  const createBuffer = (): InterestBuffer => ({
    count: 0,
    vectors: new Float32Array(maxInterests * dim),
    behaviorWeights: new Float32Array(maxInterests * L),
  });

  function interestsInto(
    buffer: InterestBuffer,
    rows: BehaviorRows,
    profile: readonly number[],
    userRow: number,
    interestCount?: number,
  ): void {
    const first = firstBehavior(rows.items, L);
    const n = L - first;
    buffer.count = interestCountOf(config, n, userRow);
    if (buffer.count === 0) return;
    if (interestCount !== undefined) buffer.count = Math.min(interestCount, maxInterests);
    input.userRow = userRow;
    input.rows = rows;
    input.first = first;
    input.n = n;
    readBehaviors(rows, first);
    weighBehaviors(rows, first);
    extractor.extract(buffer.count, input);
    if (context.length > 0) readContext(rows, first);
    layers.startUser(context, readProfile(profile));
    layers.run(extractor.capsules, buffer.count);
    for (let k = 0; k < buffer.count; k++) writeInterest(k, buffer);
  }

  const own = createBuffer();
  return {
    sequenceLength: L,
    distinctBehaviors: config.distinctBehaviors,
    createBuffer,
    interestsInto,
    interests(rows, profile, userRow, interestCount) {
      interestsInto(own, rows, profile, userRow, interestCount);
      const { count, vectors, behaviorWeights } = own;
      return { count, vectors: vectors.slice(0, count * dim), behaviorWeights: behaviorWeights.slice(0, count * L) };
    },
    repeatBonuses(behaviors) {
      const { length } = behaviors;
      const bonuses = new Float32Array(length);
      const weight = weights['repeat/weights']?.data;
      if (weight === undefined) return bonuses;
      const first = firstBehavior(behaviors.items, length);
      const features = new Float32Array(repeatFeatureCount);
      for (let slot = first; slot < length; slot++) {
        repeatFeatures(features, 0, behaviors.ages[slot]!, behaviors.counts[slot]!, length - first);
        bonuses[slot] = dot(features, 0, weight, 0, repeatFeatureCount) * scalarScale;
      }
      return bonuses;
    },
  };
}

/** Creates a reader of the profile [P], the embeddings of a user's features, that reuses its array. */
function createProfileReader(
  { config: { profileDim: P }, userFeatures }: ModelSpec,
  weights: Weights,
): (profile: readonly number[]) => Float32Array {
  const tables = userFeatures.map(({ name }) => weights[profileTable(name)]!.data);
  const vector = new Float32Array(P * tables.length);
  return (profile) => {
    for (let position = 0; position < tables.length; position++) {
      const table = tables[position]!;
      const row = (profile[position] ?? 0) * P;
      for (let cell = 0; cell < P; cell++) vector[position * P + cell] = table[row + cell]!;
    }
    return vector;
  };
}

type AgeTable = 'behavior/ageWeight' | 'context/ageWeight';

/** Creates a reader that writes the logarithms of the recency weights, from slot `first` on, to the start of `target`. */
function createRecencyReader(
  weights: Weights,
): (table: AgeTable, rows: BehaviorRows, first: number, target: Float32Array) => void {
  return (table, { ages, length }, first, target) => {
    const { data } = weights[table]!;
    for (let slot = first; slot < length; slot++) target[slot - first] = data[ages[slot]!]! * scalarScale;
  };
}

function softmax(values: Float32Array, n: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < n; row++) highest = Math.max(highest, values[row]!);
  let total = 0;
  for (let row = 0; row < n; row++) total += values[row] = Math.exp(values[row]! - highest);
  for (let row = 0; row < n; row++) values[row]! /= total;
}

/** Returns the first slot with a behavior; padding precedes it. */
function firstBehavior(items: Int32Array, length: number): number {
  let first = 0;
  while (first < length && items[first] === 0) first++;
  return first;
}
