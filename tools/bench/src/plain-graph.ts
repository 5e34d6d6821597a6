import { Index, MetricType } from 'faiss-node';

const rowsPerCall = 10_000;

/**
 * Writes an HNSW graph that plain Faiss builds over `[N, dim]` vectors of equal norm, so that the nearest ones have the highest inner
 * products. The default parameters are those of `buildFaissIndex` in @facet/retrieval.
 */
export function writePlainGraph(
  path: string,
  {
    vectors,
    dim,
    neighbors = 32,
    efConstruction = 40,
  }: {
    readonly vectors: Float32Array;
    readonly dim: number;
    readonly neighbors?: number;
    readonly efConstruction?: number;
  },
): void {
  const index = Index.fromFactory(dim, `HNSW${neighbors},Flat`, MetricType.METRIC_L2);
  index.setParameter('efConstruction', efConstruction);
  for (let row = 0; row < vectors.length / dim; row += rowsPerCall) {
    index.add(vectors.subarray(row * dim, (row + rowsPerCall) * dim));
  }
  index.write(path);
  index.dispose();
}
