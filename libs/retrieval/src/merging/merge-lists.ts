import type { Candidate, InterestList } from './interest-list.ts';
import { mergeByMax } from './merge-by-max.ts';
import { mergeByQuota } from './merge-by-quota.ts';
import type { Quotas } from './merge-by-quota.ts';
import { diverseCandidates, mergeDiverse } from './merge-diverse.ts';
import type { CategoryOf } from './merge-diverse.ts';

/** How the lists of a user's interests become one. */
export type Merge =
  /** By the highest score of any interest, as in the paper. */
  | { readonly by: 'max' }
  /** The interests in turn. */
  | { readonly by: 'round-robin' }
  /** So many of each interest. */
  | ({ readonly by: 'quota' } & Quotas)
  /** By score, and by how many items of the same category are there. */
  | { readonly by: 'diverse'; readonly lambda: number; readonly attribute: string };

/** How long the list of each interest must be, so that a merge to `limit` items chooses from all that it should. */
export function listLimit(merge: Merge, limit: number): number {
  return merge.by === 'diverse' ? diverseCandidates(limit) : limit;
}

/**
 * Merges the lists of a user's interests: each item once, at most `limit`, and that many where the lists together hold
 * them; the same lists always give the same. An item keeps the score of the interest that it is said to be found by.
 *
 * @param lists of {@link listLimit} items each, or of all there are.
 */
export function mergeLists(
  lists: readonly InterestList[],
  merge: Merge,
  limit: number,
  { categoryOf }: { readonly categoryOf: CategoryOf },
): Candidate[] {
  switch (merge.by) {
    case 'max':
      return mergeByMax(lists, limit);
    case 'round-robin':
      return mergeRoundRobin(lists, limit);
    case 'quota':
      return mergeByQuota(lists, limit, merge);
    case 'diverse':
      return mergeDiverse(lists, limit, { lambda: merge.lambda, categoryOf });
  }
}

/**
 * The interests in turn, each with the best of its items that none has taken before: every interest is seen on every
 * page. The interest with the best item begins. In the order of the turns, not of the scores. Lists of `limit` items are
 * enough: of an interest's first `limit` items the others have taken fewer than `limit` before its last turn.
 */
function mergeRoundRobin(lists: readonly InterestList[], limit: number): Candidate[] {
  const turns = lists
    .filter(({ items }) => items.length > 0)
    .sort((a, b) => b.scores[0]! - a.scores[0]! || a.items[0]! - b.items[0]!);
  const positions = new Int32Array(turns.length);
  const merged: Candidate[] = [];
  const taken = new Set<number>();
  for (let isProgress = true; isProgress && merged.length < limit;) {
    isProgress = false;
    for (let turn = 0; turn < turns.length && merged.length < limit; turn++) {
      const { interest, items, scores } = turns[turn]!;
      let position = positions[turn]!;
      while (position < items.length && taken.has(items[position]!)) position++;
      positions[turn] = position + 1;
      if (position >= items.length) continue;
      taken.add(items[position]!);
      merged.push({ item: items[position]!, score: scores[position]!, interest });
      isProgress = true;
    }
  }
  return merged;
}
