import { createRandom } from '@facet/features';

/** Trained embeddings of 64 values have about this many effective dimensions. */
const latentDim = 24;
/** Standard deviation of the noise per value, relative to a signal of unit length. */
const noise = 0.02;

/**
 * Returns seeded vectors `[N, D]` that resemble trained embeddings, for measurements without a model: unit vectors of a
 * low-dimensional space, plus noise. Unlike random noise, they have a structure that an index can exploit. Different
 * seeds, as for items and interests, share the space.
 */
export function syntheticVectors(count: number, dim: number, seed: number): Float32Array {
  const spaceRandom = createRandom(24);
  const basis = Float32Array.from({ length: latentDim * dim }, () => spaceRandom.normal());
  const random = createRandom(seed);
  const vectors = new Float32Array(count * dim);
  const point = new Float64Array(dim);
  for (let row = 0; row < count; row++) {
    point.fill(0);
    for (let latent = 0; latent < latentDim; latent++) {
      const value = random.normal();
      for (let d = 0; d < dim; d++) point[d]! += value * basis[latent * dim + d]!;
    }
    let squares = 0;
    for (let d = 0; d < dim; d++) squares += point[d]! ** 2;
    const scale = 1 / Math.sqrt(squares);
    for (let d = 0; d < dim; d++) vectors[row * dim + d] = point[d]! * scale + noise * random.normal();
  }
  return vectors;
}
