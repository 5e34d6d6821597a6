import { Index, MetricType, setThreads } from 'faiss-node';

const rowsPerCall = 10_000;
/** What `buildFaissIndex` of @facet/retrieval takes. */
const neighbors = 32;
const efConstruction = 40;

/**
 * Writes a graph as Faiss by itself builds and stores it, to compare with. The vectors are of one length, so that the nearest
 * by distance are those of the highest inner product.
 *
 * @param vectors [N, D]
 */
export function writeBareGraph(vectors: Float32Array, dim: number, path: string): void {
  setThreads(1);
  const index = Index.fromFactory(dim, `HNSW${neighbors},Flat`, MetricType.METRIC_L2);
  index.setParameter('efConstruction', efConstruction);
  for (let row = 0; row < vectors.length / dim; row += rowsPerCall) {
    index.add(vectors.subarray(row * dim, (row + rowsPerCall) * dim));
  }
  index.write(path);
  index.dispose();
}
