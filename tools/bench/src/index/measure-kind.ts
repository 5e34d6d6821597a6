import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createScratchFolder, logProgress } from '@facet/local-services';
import type { MilvusServer } from '@facet/local-services';
import { buildTunedIndex, latencyOf, openFaissIndex, syntheticVectors, timeRequests } from '@facet/retrieval';
import type { IndexDemand } from '@facet/retrieval';
import { cpuTimeMs, memoryMb } from '../figures.ts';
import { measureMilvus } from './measure-milvus.ts';
import type { MilvusMeasurement } from './measure-milvus.ts';

export interface KindDemand {
  readonly kind: IndexDemand['kind'];
  readonly itemCount: number;
  readonly dim: number;
  readonly recallMin: number;
  readonly isProcessorTime: boolean;
  readonly servers: readonly MilvusServer[];
}

/** Queries to tune with and held-out queries: the interests of 200 users each. */
const queryCount = 800;
const depth = 200;

/** Builds, tunes, saves and reopens one kind of index. Runs in a separate process, because peak memory is per process. */
export async function measureKind({ kind, itemCount, dim, recallMin, isProcessorTime, servers }: KindDemand) {
  const now = (): number => (isProcessorTime ? cpuTimeMs() : performance.now());
  const vectors = syntheticVectors(itemCount, dim, 1);
  const queries = { tuning: syntheticVectors(queryCount, dim, 2), heldOut: syntheticVectors(queryCount, dim, 3) };
  // Node and the vectors.
  const vectorsMb = memoryMb('VmHWM');
  const { path: folder } = await createScratchFolder('bench-index');
  const path = join(folder, 'index.faiss');
  const startedAt = now();
  let lastStep = '';
  const { index, choice } = await buildTunedIndex(vectors, dim, queries, {
    kind,
    flatItemsMax: 0,
    recallMin,
    depth,
    now,
    onProgress: (_, step) => {
      if (step !== lastStep) logProgress(`  ${step}`);
      lastStep = step;
    },
  });
  const seconds = (now() - startedAt) / 1000;
  await index.save(path);
  index.close();
  const buildMb = memoryMb('VmHWM') - vectorsMb;
  const opened = await openFaissIndex(path);
  const { efSearch, nprobe } = choice;
  const parameters = { ...(efSearch === undefined ? {} : { efSearch }), ...(nprobe === undefined ? {} : { nprobe }) };
  const { durationsMs } = await timeRequests(opened, queries.heldOut, { k: depth, parameters, now });
  const milvus: MilvusMeasurement[] = [];
  for (const server of opened.kind === 'flat' ? [] : servers) {
    milvus.push(await measureMilvus(server, { index: opened, vectors, queries: queries.heldOut, depth, parameters }));
  }
  opened.close();
  return {
    kind: choice.kind,
    reason: choice.reason,
    breadth: efSearch ?? nprobe,
    recall: choice.recall,
    // Without a measurement: the build, the exact scan and the tuning.
    buildSeconds: choice.measured?.buildSeconds ?? seconds,
    buildMb,
    fileMb: (await stat(path)).size / 1e6,
    latency: latencyOf(durationsMs),
    milvus,
  };
}
