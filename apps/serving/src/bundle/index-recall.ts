import { measureQueueDelay } from '@facet/http';
import { allItems, countFound } from '@facet/retrieval';
import type { SearchParameters, SearchResult, VectorIndex } from '@facet/retrieval';
import type { Metrics } from '../telemetry/metrics.ts';

export interface RecallOptions {
  /** The share of searches to repeat exactly; 0: none. */
  readonly share: number;
  readonly metrics: Pick<Metrics, 'observeIndexRecall'>;
  /** Uniform from 0 to 1. */
  readonly random?: () => number;
  /** Monotonic, in milliseconds. */
  readonly clock?: () => number;
  /** Returns the queueing delay in milliseconds. */
  readonly measureDelay?: () => Promise<number>;
}

/** Pause between exact scans, which take many times as long as a search. */
const pauseMs = 1_000;
/** Above this queueing delay no scan starts. */
const delayMsMax = 5;

/** Wraps an index. The wrapped index repeats a sample of its searches exactly after they have returned. */
export type SampleRecall = (index: VectorIndex, bundleId: string) => VectorIndex;

/**
 * Measures the index recall of live searches: the share of the exact nearest items that a search found. The recall in the
 * bundle was measured with past users.
 */
export function createRecallSampler(options: RecallOptions): SampleRecall {
  const { share, metrics, random = Math.random, clock = () => performance.now() } = options;
  const { measureDelay = measureQueueDelay } = options;
  let pausedUntil = -Infinity;

  return (index, bundleId) => {
    // A flat index has a recall of 1.
    if (share === 0 || index.kind === 'flat') return index;
    const { kind, size, dim } = index;
    // Created once: for a million items, that takes as long as a few searches.
    let all: Int32Array | undefined;

    async function repeatExactly(queries: Float32Array, found: SearchResult): Promise<void> {
      if ((await measureDelay()) > delayMsMax) return;
      const exact = await index.scan(queries, found.k, (all ??= allItems(size)));
      metrics.observeIndexRecall(bundleId, countFound(exact, found));
      pausedUntil = clock() + pauseMs;
    }

    return {
      kind,
      size,
      dim,
      scan: (...args) => index.scan(...args),
      close: () => index.close(),
      async search(queries: Float32Array, k: number, parameters: SearchParameters = {}) {
        const now = clock();
        if (parameters.allowed !== undefined || now < pausedUntil || random() >= share) {
          return index.search(queries, k, parameters);
        }
        pausedUntil = now + pauseMs;
        // The caller may reuse the queries as soon as the search has begun.
        const copied = queries.slice();
        const result = await index.search(queries, k, parameters);
        const found: SearchResult = { k, ids: result.ids.slice(), scores: result.scores.slice() };
        // The scan fails if the bundle has been replaced. Then its recall is no longer needed.
        void repeatExactly(copied, found).catch(() => undefined);
        return result;
      },
    };
  };
}
