/**
 * The items that a user interacted with in the held-out window: distinct item indices, and the number of further distinct
 * items outside the vocabulary. Those cannot be recommended and count as misses.
 */
export interface Truth {
  readonly items: Int32Array;
  readonly absent: number;
}

/** Recall@n: the share of the true items that are among the first `n` of the ranking. */
export function recallAt(ranking: Int32Array, truth: Truth, n: number): number {
  return hitRanks(ranking, truth, n).length / truthSize(truth);
}

/** HitRate@n: 1 if any true item is among the first `n` of the ranking, else 0. */
export function hitRateAt(ranking: Int32Array, truth: Truth, n: number): number {
  return hitRanks(ranking, truth, n).length > 0 ? 1 : 0;
}

/** NDCG@n with binary relevance: sum of 1 / log2(rank + 1) over hits, over that sum for min(|truth|, n) hits at the top. */
export function ndcgAt(ranking: Int32Array, truth: Truth, n: number): number {
  let gain = 0;
  for (const rank of hitRanks(ranking, truth, n)) gain += 1 / Math.log2(rank + 1);
  let idealGain = 0;
  for (let rank = 1; rank <= Math.min(truthSize(truth), n); rank++) idealGain += 1 / Math.log2(rank + 1);
  return gain / idealGain;
}

/** MRR@n: 1 / rank of the first true item in the ranking, 0 if it is not among the first `n`. */
export function mrrAt(ranking: Int32Array, truth: Truth, n: number): number {
  const [firstRank] = hitRanks(ranking, truth, n);
  return firstRank === undefined ? 0 : 1 / firstRank;
}

/** |truth|, the items outside the vocabulary included. Every metric requires at least 1. */
export function truthSize(truth: Truth): number {
  return truth.items.length + truth.absent;
}

/** The ranks (from 1) of true items among the first `n`, ascending. */
function hitRanks(ranking: Int32Array, truth: Truth, n: number): number[] {
  const items = new Set(truth.items);
  const ranks: number[] = [];
  for (let position = 0; position < Math.min(n, ranking.length); position++) {
    if (items.has(ranking[position]!)) ranks.push(position + 1);
  }
  return ranks;
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Returns the mean, or 0 without values. */
export function mean(values: ArrayLike<number> & Iterable<number>): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}
