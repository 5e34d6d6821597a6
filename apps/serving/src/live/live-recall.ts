import { measureQueueDelay } from '@facet/http';
import { allItems } from '@facet/retrieval';
import type { SearchParameters, SearchResult, VectorIndex } from '@facet/retrieval';
import type { Metrics } from '../metrics/metrics.ts';

export interface LiveRecallOptions {
  /** Of the searches, that is done again exactly; 0: none. */
  readonly share: number;
  readonly metrics: Pick<Metrics, 'observeIndexRecall'>;
  /** Uniform from 0 to 1. */
  readonly random?: () => number;
  /** In milliseconds, only goes forward. */
  readonly clock?: () => number;
  /** How long work stands in line, in milliseconds. */
  readonly measureDelay?: () => Promise<number>;
}

/** Exact scans take many times as long as searches: so long is there none. */
const restMs = 1_000;
/** Not while there is a line: those who ask go first. */
const delayMsMax = 5;

/** A search that is to be done again. */
interface Answered {
  readonly bundleId: string;
  readonly queries: Float32Array;
  readonly found: SearchResult;
}

/** An index that answers as the one it is made of, a sample of whose searches is done again exactly when they have been answered. */
export type WatchIndex = (index: VectorIndex, bundleId: string) => VectorIndex;

/**
 * Measures the index recall of live searches: the share of the exact nearest items that was found. What a bundle was tuned to was
 * measured on users of the past; this is of those who ask now.
 */
export function createLiveRecall(options: LiveRecallOptions): WatchIndex {
  const { share, metrics, random = Math.random, clock = () => performance.now() } = options;
  const { measureDelay = measureQueueDelay } = options;
  let restsUntil = -Infinity;

  async function check(
    scan: (queries: Float32Array, k: number) => Promise<SearchResult>,
    answered: Answered,
  ): Promise<void> {
    if ((await measureDelay()) > delayMsMax) return;
    const { bundleId, queries, found } = answered;
    const exact = await scan(queries, found.k);
    metrics.observeIndexRecall(bundleId, countFound(exact, found));
    restsUntil = clock() + restMs;
  }

  return (index, bundleId) => {
    // What scans everything anyway finds everything.
    if (share === 0 || index.kind === 'flat' || index.kind === 'exact') return index;
    const { kind, size, dim } = index;
    // Made once: of a million items it takes as long as a few answers.
    let everything: Int32Array | undefined;
    const scanAll = (queries: Float32Array, k: number): Promise<SearchResult> =>
      index.scan(queries, k, (everything ??= allItems(size)));
    return {
      kind,
      size,
      dim,
      scan: (...asked) => index.scan(...asked),
      close: () => index.close(),
      async search(queries: Float32Array, k: number, parameters: SearchParameters = {}) {
        const now = clock();
        if (parameters.allowed !== undefined || now < restsUntil || random() >= share) {
          return index.search(queries, k, parameters);
        }
        restsUntil = now + restMs;
        // They may be used again as soon as the search has begun.
        const asked = queries.slice();
        const result = await index.search(queries, k, parameters);
        const found: SearchResult = { k, ids: result.ids.slice(), scores: result.scores.slice() };
        // Of a bundle that has been replaced meanwhile nobody wants to know.
        void check(scanAll, { bundleId, queries: asked, found }).catch(() => undefined);
        return result;
      },
    };
  };
}

/** An item that scores as high as the last of the exact ones counts, too: which of equal ones are found says nothing. */
function countFound(exact: SearchResult, found: SearchResult): { readonly hits: number; readonly wanted: number } {
  const { k } = exact;
  let hits = 0;
  let wanted = 0;
  for (let start = 0; start < exact.ids.length; start += k) {
    const nearest = new Set(exact.ids.subarray(start, start + k).filter((item) => item > 0));
    const lowest = exact.scores[start + nearest.size - 1] ?? Infinity;
    wanted += nearest.size;
    for (let place = start; place < start + nearest.size; place++) {
      if (nearest.has(found.ids[place]!) || found.scores[place]! >= lowest) hits++;
    }
  }
  return { hits, wanted };
}
