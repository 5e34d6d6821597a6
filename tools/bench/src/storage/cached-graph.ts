import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { logProgress } from '@facet/local-services';
import { pathExists } from '@facet/platform';
import { timed } from '../figures.ts';
import { writePlainGraph } from '../plain-graph.ts';

/**
 * Returns the file of an HNSW graph, built by Faiss over items on the sphere as `buildFaissIndex` does. Builds it on the first call.
 *
 * @param options.folder Folder of the cached graphs.
 * @param options.vectors `[N, dim]`
 */
export async function cachedGraph({
  folder,
  neighbors,
  vectors,
  dim,
}: {
  readonly folder: string;
  readonly neighbors: number;
  readonly vectors: Float32Array;
  readonly dim: number;
}): Promise<string> {
  const path = join(folder, `hnsw${neighbors}-${vectors.length / dim}.faiss`);
  if (await pathExists(path)) return path;
  const wide = onSphere(vectors, dim);
  const { cpuSeconds } = await timed(() => writePlainGraph(`${path}.part`, { vectors: wide, dim: dim + 1, neighbors }));
  logProgress(`  built HNSW${neighbors} in ${cpuSeconds.toFixed(0)} s of processor time`);
  await rename(`${path}.part`, path);
  return path;
}

/** Maps `[N, D]` vectors to `[N, D + 1]` vectors of equal norm: the largest by default, 0 for queries (docs/adr/0007). */
export function onSphere(vectors: Float32Array, dim: number, radiusSquared?: number): Float32Array {
  const count = vectors.length / dim;
  const squares = Float64Array.from({ length: count }, (_, row) => {
    let total = 0;
    for (let d = 0; d < dim; d++) total += vectors[row * dim + d]! ** 2;
    return total;
  });
  const radius = radiusSquared ?? squares.reduce((highest, value) => Math.max(highest, value), 0);
  const wide = new Float32Array(count * (dim + 1));
  for (let row = 0; row < count; row++) {
    wide.set(vectors.subarray(row * dim, (row + 1) * dim), row * (dim + 1));
    wide[row * (dim + 1) + dim] = Math.sqrt(Math.max(0, radius - squares[row]!));
  }
  return wide;
}
