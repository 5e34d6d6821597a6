import type { Candidate, InterestList } from './interest-lists.ts';

/**
 * Takes interests in turn, each with the best of its items that is not taken yet, so that every page shows every
 * interest. The interest with the best item begins. The result is in the order of turns, not of scores. Lists of
 * `limit` items suffice, because the other interests take fewer than `limit` items before the last turn.
 */
export function mergeRoundRobin(lists: readonly InterestList[], limit: number): Candidate[] {
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
