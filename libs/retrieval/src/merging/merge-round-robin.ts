import type { Candidate, InterestList } from './interest-list.ts';

/**
 * The interests in turn, each with the best of its items that none has taken before: every interest is seen on every
 * page. The interest with the best item begins. In the order of the turns, not of the scores. Lists of `limit` items are
 * enough: of an interest's first `limit` items the others have taken fewer than `limit` before its last turn.
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
