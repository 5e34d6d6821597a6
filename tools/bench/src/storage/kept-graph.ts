import { access, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Index, MetricType } from 'faiss-node';
import { onSphere } from './on-sphere.ts';

export interface KeptGraph {
  /** Where graphs are kept. */
  readonly folder: string;
  /** As Faiss names it: `HNSW32`. */
  readonly graph: string;
  /** What Faiss keeps of the vectors: `Flat`, `SQ8`, `SQfp16`. */
  readonly storage: string;
  readonly efConstruction: number;
  /** `[N, dim]` */
  readonly vectors: Float32Array;
  readonly dim: number;
  say(text: string): void;
}

const rowsPerCall = 10_000;
const trainingRowsMax = 100_000;

/** The file of a graph that Faiss builds over items on the sphere, as `buildFaissIndex` does. Built if it is not there. */
export async function keptGraph(options: KeptGraph): Promise<string> {
  const { folder, graph, storage, efConstruction, vectors, dim, say } = options;
  const items = vectors.length / dim;
  const suffix = storage === 'Flat' ? '' : `-${storage}`;
  const path = join(folder, `${graph.toLowerCase()}-${efConstruction}-${items}${suffix}.faiss`);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return path;
  const index = Index.fromFactory(dim + 1, `${graph},${storage}`, MetricType.METRIC_L2);
  index.setParameter('efConstruction', efConstruction);
  const wide = onSphere(vectors, dim);
  if (!index.isTrained()) index.train(wide.subarray(0, Math.min(items, trainingRowsMax) * (dim + 1)));
  const startedAt = process.cpuUsage();
  for (let row = 0; row < items; row += rowsPerCall) {
    index.add(wide.subarray(row * (dim + 1), Math.min(items, row + rowsPerCall) * (dim + 1)));
  }
  const seconds = process.cpuUsage(startedAt).user / 1e6;
  say(`  built ${graph},${storage} in ${seconds.toFixed(0)} s of processor time`);
  index.write(`${path}.part`);
  await rename(`${path}.part`, path);
  index.dispose();
  return path;
}
