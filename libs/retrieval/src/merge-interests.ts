import type { Candidate } from './merging/interest-list.ts';
import type { SearchResult } from './vector-index.ts';

/**
 * Merges the lists of a user's interests: one candidate per item, with the highest score that any list gives it and the
 * interest that gave it. Best first; equal scores by item index. (MIND, "Serving": score = max_k e_i^T v_u^k.)
 *
 * The first k candidates are exact if the lists are; behind them an item may be missing or scored too low.
 *
 * @param result one query per interest.
 * @param interestOfQuery the interest that each query was; by default query q is interest q.
 */
export function mergeInterests(result: SearchResult, interestOfQuery?: ArrayLike<number>): Candidate[] {
  const { k, ids, scores } = result;
  const bestPosition = new Map<number, number>();
  for (let position = 0; position < ids.length; position++) {
    const item = ids[position]!;
    if (item < 0) continue;
    const best = bestPosition.get(item);
    if (best === undefined || scores[position]! > scores[best]!) bestPosition.set(item, position);
  }
  const candidates: Candidate[] = [];
  for (const [item, position] of bestPosition) {
    const query = Math.floor(position / k);
    candidates.push({ item, score: scores[position]!, interest: interestOfQuery?.[query] ?? query });
  }
  return candidates.sort((a, b) => b.score - a.score || a.item - b.item);
}
