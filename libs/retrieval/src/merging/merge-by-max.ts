import type { Candidate, InterestList } from './interest-list.ts';

/**
 * Visits what the lists hold, best first over all of them: equal scores by item index, then by the lowest interest. An
 * item that is in several lists is visited once for each of them, with the highest score first.
 *
 * @param visit returns whether that was enough.
 */
export function visitBestFirst(
  lists: readonly InterestList[],
  visit: (item: number, score: number, list: number) => boolean,
): void {
  const positions = new Int32Array(lists.length);
  for (;;) {
    let best = -1;
    let bestScore = -Infinity;
    let bestItem = 0;
    for (let l = 0; l < lists.length; l++) {
      const { items, scores } = lists[l]!;
      const position = positions[l]!;
      if (position === items.length) continue;
      const score = scores[position]!;
      if (best >= 0 && score < bestScore) continue;
      const item = items[position]!;
      if (best < 0 || score > bestScore || item < bestItem) {
        best = l;
        bestScore = score;
        bestItem = item;
      }
    }
    if (best < 0) return;
    positions[best]!++;
    if (visit(bestItem, bestScore, best)) return;
  }
}

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
