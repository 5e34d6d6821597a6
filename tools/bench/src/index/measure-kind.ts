import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createScratchFolder, logProgress, startMilvus } from '@facet/local-services';
import type { MilvusServer } from '@facet/local-services';
import {
  buildFaissIndex,
  buildTunedIndex,
  latencyOf,
  measureIndexRecall,
  openFaissIndex,
  syntheticVectors,
  timeRequests,
} from '@facet/retrieval';
import type { IndexDemand, SearchParameters, VectorIndex } from '@facet/retrieval';
import { MilvusIndexes } from '@facet/retrieval/milvus';
import { cpuTimeMs, memoryMb } from '../figures.ts';

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
  const milvus = [];
  for (const server of opened.kind === 'flat' ? [] : servers) {
    milvus.push(await measureMilvus(server, opened, vectors, queries.heldOut, parameters));
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

/**
 * Starts Milvus, fills a collection with the vectors of an index that is not flat, and searches it as serving does.
 *
 * @throws Error if Milvus fails or does not answer a search.
 */
async function measureMilvus(
  server: MilvusServer,
  index: VectorIndex,
  vectors: Float32Array,
  queries: Float32Array,
  parameters: SearchParameters,
) {
  const { dim } = index;
  const padded = new Float32Array(dim + vectors.length);
  padded.set(vectors, dim);
  const milvus = await startMilvus(server);
  const startedAt = performance.now();
  let others = 0;
  let fill: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const filled = new Promise<void>((resolve, reject) => ([fill, fail] = [resolve, reject]));
  const indexes = new MilvusIndexes({
    milvus: { address: milvus.address, tokenFile: undefined, tls: undefined },
    installationId: randomUUID(),
    fills: true,
    searchMsMax: 10_000,
    hitsMax: Number.POSITIVE_INFINITY,
    metrics: {
      countMilvusSearch: (outcome) => void (others += outcome === 'milvus' ? 0 : 1),
      setMilvusWaiting: (bundles) => void (bundles === 0 && fill()),
    },
    logger: {
      info: () => undefined,
      warn: ({ problem }: { readonly problem: string }) => fail(new Error(problem)),
    },
  });
  try {
    const inMilvus = indexes.open({ id: randomUUID(), index, vectors: padded });
    await filled;
    const buildSeconds = (performance.now() - startedAt) / 1000;
    const exact = await buildFaissIndex(vectors, dim, { kind: 'flat' });
    const recall = await measureIndexRecall(inMilvus, exact, queries, depth, parameters);
    exact.close();
    const now = (): number => performance.now();
    const { durationsMs } = await timeRequests(inMilvus, queries, { k: depth, parameters, now });
    if (others > 0) throw new Error(`${others} searches were not answered by Milvus`);
    // Seconds from the first row to the searchable collection. The latency is wall time, which includes the server.
    return { kind: `Milvus ${server}`, buildSeconds, recall, latency: latencyOf(durationsMs) };
  } finally {
    await indexes.close();
    await milvus.stop();
  }
}
