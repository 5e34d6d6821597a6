import { randomUUID } from 'node:crypto';
import { startMilvus } from '@facet/local-services';
import type { MilvusServer } from '@facet/local-services';
import { buildFaissIndex, latencyOf, measureIndexRecall, timeRequests } from '@facet/retrieval';
import type { Latency, SearchParameters, VectorIndex } from '@facet/retrieval';
import { MilvusIndexes } from '@facet/retrieval/milvus';

/** Measurement of the vectors of an index in Milvus. */
export interface MilvusMeasurement {
  readonly kind: `Milvus ${MilvusServer}`;
  /** From the first row to the searchable collection. */
  readonly buildSeconds: number;
  /** Index recall of the held-out queries, with the parameters of the index. */
  readonly recall: number;
  /** Wall time, which includes the server. Four queries per request. */
  readonly latency: Latency;
}

export interface MilvusLoad {
  readonly index: VectorIndex;
  readonly vectors: Float32Array;
  readonly queries: Float32Array;
  readonly depth: number;
  readonly parameters: SearchParameters;
}

/**
 * Starts Milvus, fills a collection with the vectors of an index that is not flat, and searches it as serving does.
 *
 * @throws Error if Milvus fails or does not answer a search.
 */
export async function measureMilvus(
  server: MilvusServer,
  { index, vectors, queries, depth, parameters }: MilvusLoad,
): Promise<MilvusMeasurement> {
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
    const { durationsMs } = await timeRequests(inMilvus, queries, {
      k: depth,
      parameters,
      now: () => performance.now(),
    });
    if (others > 0) throw new Error(`${others} searches were not answered by Milvus`);
    return { kind: `Milvus ${server}`, buildSeconds, recall, latency: latencyOf(durationsMs) };
  } finally {
    await indexes.close();
    await milvus.stop();
  }
}
