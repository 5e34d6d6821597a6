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
