import { createRandom } from '@facet/features';

/**
 * Returns vectors `[count, dim]` like trained embeddings: low-dimensional, clustered, noisy, of unit length. Items and
 * users with one `space` share the latent space.
 */
export function learnableVectors(count: number, dim: number, options: { space: number; seed: number }): Float32Array {
  const latentDim = 12;
  const clusterCount = 40;
  const spaceRandom = createRandom(options.space);
  const basis = Float32Array.from({ length: latentDim * dim }, () => spaceRandom.normal());
  const centers = Float32Array.from({ length: clusterCount * latentDim }, () => spaceRandom.normal());
  const random = createRandom(options.seed);
  const vectors = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * dim, (row + 1) * dim);
    const cluster = random.int(clusterCount);
    for (let l = 0; l < latentDim; l++) {
      const latent = centers[cluster * latentDim + l]! + 0.5 * random.normal();
      for (let d = 0; d < dim; d++) vector[d]! += latent * basis[l * dim + d]!;
    }
    const norm = Math.hypot(...vector);
    for (let d = 0; d < dim; d++) vector[d] = vector[d]! / norm + 0.02 * random.normal();
  }
  return vectors;
}
