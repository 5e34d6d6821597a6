import type { Candidate, InterestList } from './interest-list.ts';
import { visitBestFirst } from './merge-by-max.ts';

/** How many of the items each interest is to have; the first is that of interest 0. What is not named is 0. */
export interface Quotas {
  /** At least so many items. Together more than there is room for, they are cut in proportion. */
  readonly floors?: readonly number[] | undefined;
  /** Parts of what the floors leave, in any unit; `equal`: the same for each interest. */
  readonly shares?: readonly number[] | 'equal' | undefined;
}

/**
 * Each interest fills its quota (its floor, and its share of the rest) with the best of its items; the places that are
 * left, or that an interest cannot fill, go to the best of the others. Best first. An item that several interests found
 * counts for the one that scores it highest and has room, with the score from there. Without floors and shares it is
 * {@link mergeByMax}.
 *
 * Quotas are filled whenever the lists hold `limit` items: others take at most the places that are not the interest's
 * own. Lists that are shorter hold all there is; then every one of those items is returned.
 */
export function mergeByQuota(lists: readonly InterestList[], limit: number, quotas: Quotas): Candidate[] {
  if (limit <= 0) return [];
  const room = quotaOfLists(lists, limit, quotas);
  let open = room.reduce((sum, quota) => sum + quota, 0);
  const merged: Candidate[] = [];
  const taken = new Set<number>();
  const take = (item: number, score: number, list: number): void => {
    taken.add(item);
    merged.push({ item, score, interest: lists[list]!.interest });
  };
  if (open > 0) {
    visitBestFirst(lists, (item, score, list) => {
      if (room[list] === 0 || taken.has(item)) return false;
      take(item, score, list);
      room[list]!--;
      return --open === 0;
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

/** How many items each list is to give, together at most `limit`. */
function quotaOfLists(lists: readonly InterestList[], limit: number, { floors, shares }: Quotas): number[] {
  const wanted = lists.map(({ interest }) => floors?.[interest] ?? 0);
  const wantedTotal = wanted.reduce((sum, floor) => sum + floor, 0);
  if (wantedTotal >= limit) return divideByShares(limit, wanted);
  if (shares === undefined) return wanted;
  const parts = divideByShares(
    limit - wantedTotal,
    lists.map(({ interest }) => (shares === 'equal' ? 1 : (shares[interest] ?? 0))),
  );
  return wanted.map((floor, list) => floor + parts[list]!);
}

/**
 * Divides a whole number of places by shares, so that the parts add up to it and each differs from the exact one by less
 * than 1: the largest remainders get what rounding down leaves (Hamilton's method), of equal ones the first.
 *
 * @param shares not negative, in any unit; where all are 0 nobody gets a place.
 */
export function divideByShares(places: number, shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (total === 0) return shares.map(() => 0);
  const exact = shares.map((share) => (places * share) / total);
  const parts = exact.map(Math.floor);
  const left = places - parts.reduce((sum, part) => sum + part, 0);
  const byRemainder = [...shares.keys()].sort((a, b) => exact[b]! - parts[b]! - (exact[a]! - parts[a]!) || a - b);
  for (const position of byRemainder.slice(0, left)) parts[position]!++;
  return parts;
}
