import type { ModelSpec } from '../config.ts';
import { poolItemRows } from '../tower/item-rows.ts';
import type { ItemRows } from '../tower/item-rows.ts';
import { popularityFeatureCount } from '@facet/features';
import { unitLengthEpsilon } from '../epsilon.ts';
import { scalarScale, temperatureOf } from '../weights.ts';
import type { Weights } from '../weights.ts';

/** Returns the embeddings E [N + 1, D] of all items by average pooling (paper, §4.1). */
export function embedItems(spec: ModelSpec, weights: Weights, items: ItemRows): Float32Array {
  const D = spec.config.embeddingDim;
  const embeddings = new Float32Array((items.itemCount + 1) * D);
  for (const { table, slots, rows, weights: shares } of poolItemRows(items)) {
    const { data } = weights[table]!;
    for (let cell = 0; cell < rows.length; cell++) {
      const share = shares[cell]!;
      if (share === 0) continue;
      const target = Math.floor(cell / slots) * D;
      const source = rows[cell]! * D;
      for (let d = 0; d < D; d++) embeddings[target + d]! += share * data[source + d]!;
    }
  }
  return embeddings;
}

/** Returns the length of an index vector: D, plus 1 if the model has a popularity prior. */
export function indexDim(spec: ModelSpec): number {
  return spec.config.embeddingDim + (spec.config.popularityPrior ? 1 : 0);
}

/**
 * Returns the index vectors [N + 1, {@link indexDim}], whose inner product with an interest vector is the score. They are embeddings, with
 * the popularity prior as the last coordinate. If the model normalizes, they are scaled to unit length, divided by the temperature. The
 * last coordinate of an interest vector is 1.
 *
 * @param popularity [N + 1, features] of the day of the index (`PopularityTimeline.featuresOn`).
 */
export function indexVectors(
  spec: ModelSpec,
  weights: Weights,
  embeddings: Float32Array,
  popularity: Float32Array,
): Float32Array {
  const { embeddingDim: D, normalize } = spec.config;
  const learned = weights['score/temperature']?.data[0];
  const temperature = learned === undefined ? spec.config.temperature : temperatureOf(spec.config, learned);
  const width = indexDim(spec);
  const rows = embeddings.length / D;
  const vectors = new Float32Array(rows * width);
  const prior = popularityPrior(weights, popularity);
  for (let row = 1; row < rows; row++) {
    let squaredNorm = 0;
    for (let d = 0; d < D; d++) squaredNorm += embeddings[row * D + d]! ** 2;
    const scale = normalize ? 1 / (Math.sqrt(squaredNorm + unitLengthEpsilon) * temperature) : 1;
    for (let d = 0; d < D; d++) vectors[row * width + d] = embeddings[row * D + d]! * scale;
    if (prior !== undefined) vectors[row * width + D] = prior[row]!;
  }
  return vectors;
}

/**
 * Returns the popularity term of each item's score [N + 1], or undefined if the model has no prior.
 *
 * @param popularity [N + 1, features] of the day of the request (`PopularityTimeline.featuresOn`).
 */
export function popularityPrior(weights: Weights, popularity: Float32Array): Float32Array | undefined {
  const learned = weights['prior/weights']?.data;
  if (learned === undefined) return undefined;
  const weight = Float64Array.from(learned, (value) => value * scalarScale);
  const prior = new Float32Array(popularity.length / popularityFeatureCount);
  for (let row = 1; row < prior.length; row++) {
    let sum = 0;
    for (let feature = 0; feature < popularityFeatureCount; feature++) {
      sum += weight[feature]! * popularity[row * popularityFeatureCount + feature]!;
    }
    prior[row] = sum;
  }
  return prior;
}
