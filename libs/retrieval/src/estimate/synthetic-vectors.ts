import { createRandom } from '@facet/features';

/** Trained embeddings of 64 values vary in about so many directions; the rest is noise. */
const latentDim = 24;
/** Standard deviation of the noise in each value of a vector whose other part has unit length. */
const noise = 0.02;

/**
 * Seeded vectors `[N, D]` like trained embeddings, for measuring where there are none yet: points of a space of few
 * dimensions, of unit length, with noise in all. Neighbors in it can be learned, unlike those of plain noise. Vectors of
 * another seed, as interests, lie in the same space.
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
