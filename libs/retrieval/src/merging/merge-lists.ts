import type { Candidate, InterestList } from './interest-list.ts';
import { mergeByMax } from './merge-by-max.ts';
import { mergeByQuota } from './merge-by-quota.ts';
import type { Quotas } from './merge-by-quota.ts';
import { diverseCandidates, mergeDiverse } from './merge-diverse.ts';
import type { CategoryOf } from './merge-diverse.ts';

/** How the lists of a user's interests are merged. */
export type Merge =
  /** By the highest score of an item in any list. */
  | { readonly by: 'max' }
  /** Interests in turn. */
  | { readonly by: 'round-robin' }
  /** A number of items per interest. */
  | ({ readonly by: 'quota' } & Quotas)
  /** By score, with a penalty for repeated categories. */
  | { readonly by: 'diverse'; readonly lambda: number; readonly attribute: string };

/** Returns the list length that each interest needs for a merge to `limit` items. */
export function listLimit(merge: Merge, limit: number): number {
  return merge.by === 'diverse' ? diverseCandidates(limit) : limit;
}

/**
 * Merges the lists of a user's interests to `limit` distinct items, or all items if there are fewer. Deterministic.
 * Each item has the score of the interest that it is attributed to.
 *
 * @param lists Lists of {@link listLimit} items each, or complete lists.
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
 * Takes interests in turn, each with the best of its items that is not taken yet, so that every page shows every
 * interest. The interest with the best item begins. The result is in the order of turns, not of scores. Lists of
 * `limit` items suffice, because the other interests take fewer than `limit` items before the last turn.
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
