import { visitBestFirst } from './best-of-lists.ts';
import type { Candidate, InterestList } from './interest-list.ts';

/**
 * The `limit` items with the highest score of any interest, each with the interest that gives it, best first; equal
 * scores by item index, equal interests by the lowest. (MIND, "Serving": score = max_k e_i^T v_u^k.) Exact where every
 * list is exact and holds `limit` items, or all there are.
 */
export function mergeByMax(lists: readonly InterestList[], limit: number): Candidate[] {
  const merged: Candidate[] = [];
  if (limit <= 0) return merged;
  const taken = new Set<number>();
  visitBestFirst(lists, (item, score, list) => {
    if (taken.has(item)) return false;
    taken.add(item);
    merged.push({ item, score, interest: lists[list]!.interest });
    return merged.length === limit;
  });
  return merged;
}
