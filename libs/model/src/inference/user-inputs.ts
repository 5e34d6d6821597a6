import { createBehaviorRows } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import type { ModelSpec } from '../config.ts';
import { contextBlocks, userFeatureTable, scalarScale } from '../weights.ts';
import type { Weights } from '../weights.ts';
import type { ExtractorInput, ExtractorParts } from './extractors/extractor.ts';
import { createTransformer } from './extractors/transformer.ts';
import { unknownUser } from './interests.ts';
import { addWeightedRows } from './matrix.ts';

/** Creates a reader of the behaviors of a user, from slot `first` on. Each call overwrites the result of the previous call. */
export function createBehaviorReader({ spec: { config }, weights, items }: ExtractorParts) {
  const { embeddingDim: D, sequenceLength: L } = config;
  const ages = config.recency ? weights['behavior/age']!.data : undefined;
  const embeddings = new Float32Array(L * D);
  const behaviorWeights = new Float32Array(L).fill(1);
  const input = {
    userRow: unknownUser,
    rows: createBehaviorRows(1, 0),
    first: 0,
    n: 0,
    behaviors: embeddings,
    weights: behaviorWeights,
  };
  return (rows: BehaviorRows, first: number, userRow: number): ExtractorInput => {
    const n = L - first;
    input.userRow = userRow;
    input.rows = rows;
    input.first = first;
    input.n = n;
    for (let row = 0; row < n; row++) {
      const item = rows.items[first + row]!;
      const table = items.arrayOf(item);
      const source = items.offsetOf(item);
      const target = row * D;
      if (ages === undefined) {
        for (let d = 0; d < D; d++) embeddings[target + d] = table[source + d]!;
      } else {
        const age = rows.ages[first + row]! * D;
        for (let d = 0; d < D; d++) embeddings[target + d] = table[source + d]! + ages[age + d]!;
      }
    }
    if (config.recency) {
      writeRecencyLogits(behaviorWeights, weights, 'behavior/ageWeight', input);
      for (let row = 0; row < n; row++) behaviorWeights[row] = Math.exp(behaviorWeights[row]!);
    }
    return input;
  };
}

/**
 * Creates a reader of the context [D], `contextVector` of the tower: the mean of the behaviors under a softmax of their recency, plus the
 * attention of the newest behavior. Empty for a model without context.
 */
export function createContextReader(parts: ExtractorParts): (input: ExtractorInput) => Float32Array {
  const { context, recency, embeddingDim: D, sequenceLength: L } = parts.spec.config;
  if (context === 'none') return () => noContext;
  const attention =
    context === 'attention' ? createTransformer({ kind: 'transformer', blocks: contextBlocks }, parts) : undefined;
  const shares = new Float32Array(L);
  const vector = new Float32Array(D);
  return (input) => {
    shares.fill(0);
    if (recency) writeRecencyLogits(shares, parts.weights, 'context/ageWeight', input);
    softmax(shares, input.n);
    vector.fill(0);
    addWeightedRows(vector, 0, input.behaviors, 0, D, shares, 0, input.n);
    if (attention === undefined) return vector;
    attention.extract(1, input);
    for (let d = 0; d < D; d++) vector[d]! += attention.capsules[d]!;
    return vector;
  };
}

const noContext = new Float32Array(0);

/** Creates a reader of the embeddings of a user's features [P]. Each call overwrites the result of the previous call. */
export function createFeatureReader(
  { config: { profileDim: P }, userFeatures }: ModelSpec,
  weights: Weights,
): (rows: readonly number[]) => Float32Array {
  const tables = userFeatures.map(({ name }) => weights[userFeatureTable(name)]!.data);
  const vector = new Float32Array(P * tables.length);
  return (rows) => {
    for (let position = 0; position < tables.length; position++) {
      const table = tables[position]!;
      const row = (rows[position] ?? 0) * P;
      for (let cell = 0; cell < P; cell++) vector[position * P + cell] = table[row + cell]!;
    }
    return vector;
  };
}

/** Writes the logarithms of the recency weights of the behaviors: a learned scalar per age bucket. */
function writeRecencyLogits(
  target: Float32Array,
  weights: Weights,
  table: 'behavior/ageWeight' | 'context/ageWeight',
  { rows, first, n }: ExtractorInput,
): void {
  const { data } = weights[table]!;
  for (let row = 0; row < n; row++) target[row] = data[rows.ages[first + row]!]! * scalarScale;
}

function softmax(values: Float32Array, n: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < n; row++) highest = Math.max(highest, values[row]!);
  let total = 0;
  for (let row = 0; row < n; row++) total += values[row] = Math.exp(values[row]! - highest);
  for (let row = 0; row < n; row++) values[row]! /= total;
}
