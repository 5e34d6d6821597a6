import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';

/** As many interests as the default recipe gives a user. */
const queriesPerRequestDefault = 4;

/** Requests before the clock starts: memory that was never touched is slow once. */
const warmUpRequests = 8;

/** How long a request takes, in milliseconds. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface TimedSearch {
  readonly k: number;
  readonly parameters?: SearchParameters;
  /** A clock in milliseconds. */
  readonly now: () => number;
  /** Interests of a user; 4 by default. */
  readonly queriesPerRequest?: number;
}

/**
 * Searches as serving does, the interests of a user at a time and one request after the other, and says how long
 * they take.
 *
 * @param queries `[Q, D]`, at least one.
 * @returns `[Q, k]` answers in the order of the queries, and the milliseconds of each request.
 * @throws AppError as `VectorIndex.search`.
 */
export async function timeRequests(
  index: VectorIndex,
  queries: Float32Array,
  { k, parameters = {}, now, queriesPerRequest = queriesPerRequestDefault }: TimedSearch,
): Promise<{ answers: SearchResult; times: number[] }> {
  const step = queriesPerRequest * index.dim;
  for (let start = 0; start < Math.min(queries.length, warmUpRequests * step); start += step) {
    await index.search(queries.subarray(start, start + step), k, parameters);
  }
  const queryCount = queries.length / index.dim;
  const answers = { k, ids: new Int32Array(queryCount * k), scores: new Float32Array(queryCount * k) };
  const times: number[] = [];
  for (let start = 0; start < queries.length; start += step) {
    const request = queries.subarray(start, start + step);
    const startedAt = now();
    const { ids, scores } = await index.search(request, k, parameters);
    times.push(now() - startedAt);
    answers.ids.set(ids, (start / index.dim) * k);
    answers.scores.set(scores, (start / index.dim) * k);
  }
  return { answers, times };
}

/** By nearest rank, in whole microseconds: more digits would be noise. */
export function latencyOf(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
    return Math.round(value * 1000) / 1000;
  };
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
