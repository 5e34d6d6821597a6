import { visitBestFirst } from './interest-lists.ts';
import type { Candidate, InterestList } from './interest-lists.ts';

/** Number of items per interest, indexed by interest; missing entries are 0. */
export interface Quotas {
  /** Minimum numbers of items. If their sum exceeds the limit, they are reduced proportionally. */
  readonly floors?: readonly number[] | undefined;
  /** Division of the remaining slots, in any unit; `equal` gives each interest the same. */
  readonly shares?: readonly number[] | 'equal' | undefined;
}

/**
 * Gives each interest its quota of its best items: its floor, plus its share of the rest. The best other items get the
 * remaining slots. The result is sorted by score. An item of several interests counts for the one that scores it
 * highest and has quota left. Without floors and shares, the result equals {@link mergeByMax}.
 *
 * All quotas are met if the lists contain `limit` items each. Shorter lists must be complete; then all of their items
 * are returned.
 */
export function mergeByQuota(lists: readonly InterestList[], limit: number, quotas: Quotas): Candidate[] {
  if (limit <= 0) return [];
  const quotaLeft = quotaOfLists(lists, limit, quotas);
  let slotsLeft = quotaLeft.reduce((sum, quota) => sum + quota, 0);
  const merged: Candidate[] = [];
  const taken = new Set<number>();
  const take = (item: number, score: number, list: number): void => {
    taken.add(item);
    merged.push({ item, score, interest: lists[list]!.interest });
  };
  if (slotsLeft > 0) {
    visitBestFirst(lists, (item, score, list) => {
      if (quotaLeft[list] === 0 || taken.has(item)) return false;
      take(item, score, list);
      quotaLeft[list]!--;
      return --slotsLeft === 0;
    });
  }
  if (merged.length < limit) {
    visitBestFirst(lists, (item, score, list) => {
      if (!taken.has(item)) take(item, score, list);
      return merged.length === limit;
    });
  }
  return merged.sort((a, b) => b.score - a.score || a.item - b.item);
}

/** Returns the quota of each list; their sum is at most `limit`. */
function quotaOfLists(lists: readonly InterestList[], limit: number, { floors, shares }: Quotas): number[] {
  const minimums = lists.map(({ interest }) => floors?.[interest] ?? 0);
  const total = minimums.reduce((sum, floor) => sum + floor, 0);
  if (total >= limit) return divideByShares(limit, minimums);
  if (shares === undefined) return minimums;
  const parts = divideByShares(
    limit - total,
    lists.map(({ interest }) => (shares === 'equal' ? 1 : (shares[interest] ?? 0))),
  );
  return minimums.map((floor, list) => floor + parts[list]!);
}

/**
 * Divides a number of slots by shares. The parts sum to `slots`, and each differs from the exact quotient by less
 * than 1. The largest remainders get the slots that rounding down leaves (Hamilton's method); ties go to the first.
 *
 * @param shares Non-negative numbers in any unit. If all are 0, all parts are 0.
 */
export function divideByShares(slots: number, shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (total === 0) return shares.map(() => 0);
  const exact = shares.map((share) => (slots * share) / total);
  const parts = exact.map(Math.floor);
  const left = slots - parts.reduce((sum, part) => sum + part, 0);
  const byRemainder = [...shares.keys()].sort((a, b) => exact[b]! - parts[b]! - (exact[a]! - parts[a]!) || a - b);
  for (const position of byRemainder.slice(0, left)) parts[position]!++;
  return parts;
}
