import { recallAt, truthSize } from '../metrics.ts';
import type { Truth } from '../metrics.ts';

/** One user's ranking by each active interest alone (index k by interest k), and the merged one, each of at least n items. */
export interface InterestRankings {
  readonly perInterest: readonly Int32Array[];
  readonly merged: Int32Array;
  readonly truth: Truth;
}

export interface SingleInterestRecall {
  readonly users: number;
  /** Mean Recall@n of the merged ranking. */
  readonly merged: number;
  /** Mean Recall@n of interest k alone, over all users; an inactive interest recalls nothing. */
  readonly perInterest: readonly number[];
  /** The highest of `perInterest`. If `merged` is no better, the other interests contribute nothing. */
  readonly best: number;
}

/** Recall of the best single interest against the merge. Users without truth are left out. */
export function singleInterestRecall(users: Iterable<InterestRankings>, n: number): SingleInterestRecall {
  let counted = 0;
  let merged = 0;
  const sums: number[] = [];
  for (const user of users) {
    if (truthSize(user.truth) === 0) continue;
    counted++;
    merged += recallAt(user.merged, user.truth, n);
    user.perInterest.forEach((ranking, interest) => {
      sums[interest] = (sums[interest] ?? 0) + recallAt(ranking, user.truth, n);
    });
  }
  const perInterest = sums.map((sum) => sum / counted);
  return {
    users: counted,
    merged: counted === 0 ? 0 : merged / counted,
    perInterest,
    best: Math.max(0, ...perInterest),
  };
}
