import type { SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';

/** Queries of one request: as many interests as the default recipe gives a user. */
export const queriesPerRequest = 4;

/** Requests before the clock starts: memory that was never touched is slow once. */
const warmUpRequests = 8;

/** How long a request takes, in milliseconds. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Searches as serving does, four queries at a time and one request after the other, and says how long a request takes.
 *
 * @param queries `[Q, D]`, at least one.
 * @param now a clock in milliseconds.
 * @returns `[Q, k]` answers, in the order of the queries.
 * @throws AppError as `VectorIndex.search`.
 */
export async function timeRequests(
  index: VectorIndex,
  queries: Float32Array,
  k: number,
  parameters: SearchParameters,
  now: () => number,
): Promise<{ answers: SearchResult; latency: Latency }> {
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
  times.sort((a, b) => a - b);
  return { answers, latency: { p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) } };
}

/** By nearest rank, in whole microseconds: more digits would be noise. */
function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return Math.round(value * 1000) / 1000;
}
