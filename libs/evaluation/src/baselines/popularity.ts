import type { InteractionColumns, Scorer } from './scorer.ts';

export interface PopularityOptions {
  /** N: the scores are `[N+1]`. */
  readonly catalogSize: number;
  /** Counts only interactions at or after this time (epoch milliseconds); all of them by default. */
  readonly since?: number;
  /**
   * `users` (default): how many users chose the item, so that one wholesaler counts once. `interactions`: every choice.
   * On Online Retail II the first is stronger (Recall@50 on new items .0577 against .0510).
   */
  readonly count?: 'users' | 'interactions';
}

/** The same score for everybody: how often an item was chosen since a time. */
export function popularity(interactions: InteractionColumns, options: PopularityOptions): Scorer {
  const { users, items, times } = interactions;
  const { catalogSize, since = -Infinity, count = 'users' } = options;
  const counts = new Float32Array(catalogSize + 1);
  const countedPairs = new Set<number>();
  for (let row = 0; row < items.length; row++) {
    if (times[row]! < since) continue;
    const item = items[row]!;
    if (count === 'users') {
      // Exact below 2^53: 9 million users of a billion items.
      const pair = users[row]! * (catalogSize + 1) + item;
      if (countedPairs.has(pair)) continue;
      countedPairs.add(pair);
    }
    counts[item]!++;
  }
  return () => counts;
}
