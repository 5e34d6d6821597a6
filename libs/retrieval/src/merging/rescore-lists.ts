import { insertCandidates } from './interest-list.ts';
import type { Candidate, InterestList } from './interest-list.ts';
import { visitBestFirst } from './merge-by-max.ts';

/**
 * Scores the items of all lists with a score that depends on all interests, and returns the `count` best: each once, in the list of its
 * nearest interest.
 *
 * @param scoreOf Returns the score of an item, which is at most its highest score for any interest
 */
export function rescoreLists(
  lists: readonly InterestList[],
  count: number,
  scoreOf: (item: number) => Omit<Candidate, 'item'>,
): readonly InterestList[] {
  const taken = new Set<number>();
  const best: Candidate[] = [];
  // An item that a list does not contain has at most the last score of the list.
  const unlisted = Math.max(...lists.map(({ scores }) => scores.at(-1) ?? Number.NEGATIVE_INFINITY));
  visitBestFirst(lists, (item, highest) => {
    if (best.length >= count && Math.max(highest, unlisted) < best[count - 1]!.score) return true;
    if (taken.has(item)) return false;
    taken.add(item);
    const { score, interest } = scoreOf(item);
    const place = placeOf(best, score);
    if (place < count) best.splice(place, 0, { item, score, interest });
    if (best.length > count) best.pop();
    return false;
  });
  return insertCandidates([], best);
}

/** Returns the position after the last candidate with at least this score. */
function placeOf(descending: readonly Candidate[], score: number): number {
  let low = 0;
  let high = descending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (descending[middle]!.score >= score) low = middle + 1;
    else high = middle;
  }
  return low;
}
