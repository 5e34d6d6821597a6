import type { Candidate, InterestList } from './interest-list.ts';

/**
 * Visits the entries of all lists, best first: equal scores by item index, then by interest. An item in several lists
 * is visited once per list, highest score first.
 *
 * @param visit Returns true to stop.
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
 * Returns the `limit` items with the highest score in any list, best first. With inner products, it is max_k e_i^T v_u^k (MIND,
 * "Serving"). Equal scores are ordered by item index; of equal interests the lowest counts. Exact if every list is
 * exact and contains `limit` items, or all items.
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
