import type { Candidate, InterestList } from './interest-list.ts';
import { mergeByMax } from './merge-by-max.ts';
import { mergeByQuota } from './merge-by-quota.ts';
import type { Quotas } from './merge-by-quota.ts';
import { diverseCandidates, mergeDiverse } from './merge-diverse.ts';
import type { CategoryOf } from './merge-diverse.ts';
import { mergeRoundRobin } from './merge-round-robin.ts';

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
