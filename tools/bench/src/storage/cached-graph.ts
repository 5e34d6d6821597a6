import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { logProgress } from '@facet/local-services';
import { pathExists } from '@facet/platform';
import { Index, MetricType } from 'faiss-node';
import { cpuTimeMs } from '../figures.ts';

export interface CachedGraph {
  /** Folder of the cached graphs. */
  readonly folder: string;
  /** Neighbors per node. */
  readonly neighbors: number;
  readonly efConstruction: number;
  /** `[N, dim]` */
  readonly vectors: Float32Array;
  readonly dim: number;
}

const rowsPerCall = 10_000;

/** Returns the file of an HNSW graph, built by Faiss over items on the sphere as `buildFaissIndex` does. Builds it on the first call. */
export async function cachedGraph(options: CachedGraph): Promise<string> {
  const { folder, neighbors, efConstruction, vectors, dim } = options;
  const items = vectors.length / dim;
  const path = join(folder, `hnsw${neighbors}-${efConstruction}-${items}.faiss`);
  if (await pathExists(path)) return path;
  const index = Index.fromFactory(dim + 1, `HNSW${neighbors},Flat`, MetricType.METRIC_L2);
  index.setParameter('efConstruction', efConstruction);
  const wide = onSphere(vectors, dim);
  const startedAt = cpuTimeMs();
  for (let row = 0; row < items; row += rowsPerCall) {
    index.add(wide.subarray(row * (dim + 1), Math.min(items, row + rowsPerCall) * (dim + 1)));
  }
  const seconds = (cpuTimeMs() - startedAt) / 1_000;
  logProgress(`  built HNSW${neighbors} in ${seconds.toFixed(0)} s of processor time`);
  index.write(`${path}.part`);
  await rename(`${path}.part`, path);
  index.dispose();
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
