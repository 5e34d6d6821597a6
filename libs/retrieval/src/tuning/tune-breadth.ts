import { AppError } from '@facet/platform';
import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';

/** Number of interests in the default recipe. */
const queriesPerRequestDefault = 4;

/** Unmeasured requests, because the first access to memory is slow. */
const warmUpRequests = 8;

/** How long a request takes, in milliseconds. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface TimedSearch {
  readonly k: number;
  readonly parameters?: SearchParameters;
  /** Clock in milliseconds. */
  readonly now: () => number;
  /** Interests per user; 4 by default. */
  readonly queriesPerRequest?: number;
}

/**
 * Measures searches as serving makes them: all interests of a user per request, one request after the other.
 *
 * @param queries `[Q, D]`, at least one.
 * @returns Results `[Q, k]` in the order of the queries, and the duration of each request in milliseconds.
 * @throws AppError The errors of `VectorIndex.search`.
 */
export async function timeRequests(
  index: VectorIndex,
  queries: Float32Array,
  { k, parameters = {}, now, queriesPerRequest = queriesPerRequestDefault }: TimedSearch,
): Promise<{ results: SearchResult; durationsMs: number[] }> {
  const step = queriesPerRequest * index.dim;
  for (let start = 0; start < Math.min(queries.length, warmUpRequests * step); start += step) {
    await index.search(queries.subarray(start, start + step), k, parameters);
  }
  const queryCount = queries.length / index.dim;
  const results = { k, ids: new Int32Array(queryCount * k), scores: new Float32Array(queryCount * k) };
  const durationsMs: number[] = [];
  for (let start = 0; start < queries.length; start += step) {
    const request = queries.subarray(start, start + step);
    const startedAt = now();
    const { ids, scores } = await index.search(request, k, parameters);
    durationsMs.push(now() - startedAt);
    results.ids.set(ids, (start / index.dim) * k);
    results.scores.set(scores, (start / index.dim) * k);
  }
  return { results, durationsMs };
}

/**
 * Returns percentiles by nearest rank, rounded to microseconds. The durations are exact values in memory, so sorting is
 * simpler than a histogram and does not round.
 */
export function latencyOf(durationsMs: readonly number[]): Latency {
  const sorted = [...durationsMs].sort((a, b) => a - b);
  const at = (share: number): number => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
    return Math.round(value * 1000) / 1000;
  };
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Queries per call: a useful batch that does not block the event loop for long. */
const queriesPerCall = 64;

/**
 * Measures index recall@k: the mean share of the exact k nearest items that the index finds. Unrelated to the ranking
 * recall of a model.
 *
 * @param queries `[Q, D]`, at least one. Use interests of real users; the recall of random queries does not predict
 *   theirs.
 * @throws AppError `RETRIEVAL_INDEXES_DIFFER` if the indexes differ in size or width.
 */
export async function measureIndexRecall(
  index: VectorIndex,
  exact: VectorIndex,
  queries: Float32Array,
  k: number,
  parameters: SearchParameters = {},
): Promise<number> {
  if (index.size !== exact.size || index.dim !== exact.dim) {
    throw new AppError(`The indexes differ: ${index.size} x ${index.dim} and ${exact.size} x ${exact.dim}.`, {
      code: 'RETRIEVAL_INDEXES_DIFFER',
      category: 'internal',
      remedy: 'Build both indexes from the same vectors.',
    });
  }
  const depth = Math.min(k, index.size);
  const queryCount = queries.length / index.dim;
  let found = 0;
  for (let first = 0; first < queryCount; first += queriesPerCall) {
    const batch = queries.subarray(first * index.dim, (first + queriesPerCall) * index.dim);
    found += countFound(await exact.search(batch, depth), await index.search(batch, depth, parameters)).hits;
  }
  return found / (queryCount * depth);
}

/** Returns the mean share of the `exact` items that `found` contains, for results of the same queries. */
export function resultRecall(exact: SearchResult, found: SearchResult): number {
  const { hits, wanted } = countFound(exact, found);
  return hits / wanted;
}

/** Counts the exact nearest items that a search found. Items with the score of the last exact item are interchangeable. */
export function countFound(
  exact: SearchResult,
  found: SearchResult,
): { readonly hits: number; readonly wanted: number } {
  const { k } = exact;
  let hits = 0;
  let wanted = 0;
  for (let start = 0; start < exact.ids.length; start += k) {
    const nearest = new Set(exact.ids.subarray(start, start + k).filter((item) => item > 0));
    const lowest = exact.scores[start + nearest.size - 1] ?? Infinity;
    wanted += nearest.size;
    for (let index = start; index < start + nearest.size; index++) {
      if (nearest.has(found.ids[index]!) || found.scores[index]! >= lowest) hits++;
    }
  }
  return { hits, wanted };
}

/** Queries with their exact k nearest items. */
export interface QueriesWithResults {
  /** `[Q, D]`, at least one. */
  readonly queries: Float32Array;
  /** `[Q, k]` */
  readonly results: SearchResult;
}

/** Recall and latency of a search with one breadth (efSearch of a graph, nprobe of clusters). */
export interface BreadthPoint extends Latency {
  readonly breadth: number;
  /** Index recall@k on the tuning queries. */
  readonly recall: number;
}

export interface TunedBreadth {
  /** All measured breadths, narrowest first. */
  readonly curve: BreadthPoint[];
  /** The narrowest sufficient breadth, with its recall on held-out queries; absent if no breadth suffices. */
  readonly chosen?: BreadthPoint & { readonly heldOutRecall: number };
}

interface TuneOptions {
  readonly recallMin: number;
  /** Median latency at which tuning stops, because a wider search would be useless. */
  readonly latencyMsMax: number;
  /** Clock in milliseconds. */
  readonly now: () => number;
  readonly onPoint?: (point: BreadthPoint) => void;
}

/** Multiples of k. A graph keeps at least k candidates; beyond ten times as many it is as slow as a scan. */
const graphSteps = [1, 1.5, 2, 3, 4, 6, 8, 12, 16];

/** Ratio of two breadths at which the bisection stops. */
const bisectionRatio = 1.1;

/**
 * Finds the narrowest search that reaches `recallMin`: widens it step by step, then bisects the last step. The `tuning`
 * queries select the breadth. The reported recall is that of the `heldOut` queries; the search is widened further while
 * they fall short.
 */
export async function tuneBreadth(
  index: VectorIndex,
  { tuning, heldOut }: { readonly tuning: QueriesWithResults; readonly heldOut: QueriesWithResults },
  { recallMin, latencyMsMax, now, onPoint = () => undefined }: TuneOptions,
): Promise<TunedBreadth> {
  const { k } = tuning.results;
  const points = new Map<number, BreadthPoint>();
  const measure = async (breadth: number): Promise<BreadthPoint> => {
    const parameters = breadthParameters(index, breadth);
    const { results, durationsMs } = await timeRequests(index, tuning.queries, { k, parameters, now });
    const point = { breadth, recall: resultRecall(tuning.results, results), ...latencyOf(durationsMs) };
    points.set(breadth, point);
    onPoint(point);
    return point;
  };
  const heldOutRecall = async (breadth: number): Promise<number> => {
    const parameters = breadthParameters(index, breadth);
    const { results } = await timeRequests(index, heldOut.queries, { k, parameters, now });
    return resultRecall(heldOut.results, results);
  };
  const curve = (): BreadthPoint[] => [...points.values()].sort((a, b) => a.breadth - b.breadth);

  const grid = breadthsToTry(index, k);
  let tooNarrow = 0;
  let chosen: BreadthPoint | undefined;
  for (const breadth of grid) {
    const point = await measure(breadth);
    if (point.recall >= recallMin) chosen = point;
    if (chosen !== undefined || point.p50Ms >= latencyMsMax) break;
    tooNarrow = breadth;
  }
  while (
    chosen !== undefined &&
    tooNarrow > 0 &&
    chosen.breadth > Math.max(tooNarrow + 1, tooNarrow * bisectionRatio)
  ) {
    const point = await measure(Math.round((tooNarrow + chosen.breadth) / 2));
    if (point.recall >= recallMin) chosen = point;
    else tooNarrow = point.breadth;
  }
  while (chosen !== undefined) {
    const recall = await heldOutRecall(chosen.breadth);
    if (recall >= recallMin) return { curve: curve(), chosen: { ...chosen, heldOutRecall: recall } };
    const wider: number = Math.min(grid.at(-1)!, Math.ceil(chosen.breadth * bisectionRatio));
    chosen = wider > chosen.breadth ? await measure(wider) : undefined;
  }
  return { curve: curve() };
}

/** Returns the parameter that sets the breadth for this kind of index. */
export function breadthParameters({ kind }: VectorIndex, breadth: number): SearchParameters {
  return kind === 'ivf' ? { nprobe: breadth } : { efSearch: breadth };
}

/** Returns the breadths to try, up to all items. */
function breadthsToTry({ kind, size }: VectorIndex, k: number): number[] {
  const steps =
    kind === 'ivf'
      ? Array.from({ length: Math.ceil(Math.log2(size)) + 1 }, (_, step) => 2 ** step)
      : graphSteps.map((step) => Math.round(step * k));
  return [...new Set(steps.map((step) => Math.min(step, size)))];
}
