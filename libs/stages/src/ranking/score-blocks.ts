import type { BlockScorer, UserInterests } from '@facet/evaluation';
import { createItemScorer } from '@facet/model';
import type { ItemScore } from '@facet/model';
import type { CatalogScorer } from '@facet/model/training';

/**
 * The terms of a score. The score of an item is the score for the interests plus the prior of the item. If the item has a bonus, this sum is
 * multiplied by `repeatScoreWeight`, and the bonus is added.
 */
export interface ScoreTerms<User> {
  /** [N + 1, D] */
  readonly vectors: Float32Array;
  readonly dim: number;
  /** β of the smooth maximum over the interests; absent or 0: the maximum. */
  readonly sharpness?: number | undefined;
  /** K, the maximum number of interests. */
  readonly interestsMax: number;
  readonly interests: (user: User) => UserInterests;
  /** [N + 1] The prior of each item at the time of the user's query. */
  readonly prior: (user: User) => Float32Array | undefined;
  /** The bonus of each item that has one. */
  readonly bonuses: (user: User) => ReadonlyMap<number, number>;
  /** The factor for the score of an item that has a bonus. Default: 1. */
  readonly repeatScoreWeight?: number | undefined;
  /** [N + 1] 1 for an item that may be ranked. */
  readonly candidates: Uint8Array;
}

/** The unit roundoff of float32. */
const roundoff = 2 ** -24;

/** Returns a scorer that ranks exactly as {@link exactScore}, but scores a block of users in float32. */
export function createBlockScorer<User>(terms: ScoreTerms<User>, catalogScorer: CatalogScorer): BlockScorer<User> {
  const { vectors, dim, sharpness = 0, interestsMax: K, candidates, repeatScoreWeight = 1 } = terms;
  const width = vectors.length / dim;
  const itemNorm = longestRow(vectors, dim);
  const others = Int32Array.from(candidates.keys()).filter((item) => candidates[item] !== 1);
  const noPrior = new Float32Array(width);
  // Users with the same query time share a prior.
  const priorMaxima = new WeakMap<Float32Array, number>();
  const maximumOf = (prior: Float32Array): number => {
    if (!priorMaxima.has(prior)) priorMaxima.set(prior, largestPrior(prior, candidates));
    return priorMaxima.get(prior)!;
  };
  return {
    usersMax: catalogScorer.usersMax,
    scoreBlock(users) {
      const queries = users.map((user) => {
        const interests = terms.interests(user);
        return {
          interests,
          scoreItem: createItemScorer(interests, vectors, { dim, sharpness }),
          prior: terms.prior(user) ?? noPrior,
          bonuses: terms.bonuses(user),
        };
      });
      const stacked = new Float32Array(users.length * K * dim);
      queries.forEach(({ interests: { vectors, count } }, row) => {
        stacked.set(vectors.subarray(0, count * dim), row * K * dim);
      });
      const rows = catalogScorer.scores(
        stacked,
        queries.map(({ interests: { count } }) => Math.max(1, count)),
        queries.map(({ prior }) => prior),
      );
      let additionsMax = 0;
      queries.forEach(({ interests, prior, bonuses }, row) => {
        const own = rows.subarray(row * width, (row + 1) * width);
        if (interests.count === 0) own.fill(Number.NEGATIVE_INFINITY);
        additionsMax = Math.max(additionsMax, maximumOf(prior) + addBonuses(own, bonuses, repeatScoreWeight));
        for (const item of others) own[item] = Number.NEGATIVE_INFINITY;
      });
      const smoothing = sharpness === 0 ? 0 : (1 + Math.log(K)) / sharpness;
      // A bound on the rounding error of a dot product of length D in any order, of the smooth maximum and of the additions, times 4.
      // `repeatScoreWeight` also multiplies the rounding error.
      const magnitude = longestRow(stacked, dim) * itemNorm + smoothing + additionsMax;
      const tolerance = 4 * (dim + 5) * roundoff * Math.max(1, repeatScoreWeight) * magnitude;
      return {
        width,
        scores: rows,
        tolerance,
        exact: (row, item) => {
          const { scoreItem, prior, bonuses } = queries[row]!;
          return exactScore(scoreItem(item), prior[item], { bonus: bonuses.get(item), repeatScoreWeight });
        },
      };
    },
  };
}

/** Returns the score of one item as a `Scorer` stores it in its float32 array. */
export function exactScore(
  { score }: ItemScore,
  prior = 0,
  { bonus, repeatScoreWeight = 1 }: { readonly bonus?: number | undefined; readonly repeatScoreWeight?: number } = {},
): number {
  const withPrior = Math.fround(score + prior);
  return bonus === undefined ? withPrior : Math.fround(withPrior * repeatScoreWeight + bonus);
}

/** Adds the bonuses to the weighted scores and returns the largest absolute bonus. */
function addBonuses(own: Float32Array, bonuses: ReadonlyMap<number, number>, repeatScoreWeight: number): number {
  let largestBonus = 0;
  for (const [item, bonus] of bonuses) {
    own[item] = own[item]! * repeatScoreWeight + bonus;
    largestBonus = Math.max(largestBonus, Math.abs(bonus));
  }
  return largestBonus;
}

/** Returns the largest absolute prior of a candidate. */
function largestPrior(prior: Float32Array, candidates: Uint8Array): number {
  return prior.reduce(
    (largest, value, item) => (candidates[item] === 1 ? Math.max(largest, Math.abs(value)) : largest),
    0,
  );
}

function longestRow(matrix: Float32Array, dim: number): number {
  let longest = 0;
  for (let start = 0; start < matrix.length; start += dim) {
    let squares = 0;
    for (let d = 0; d < dim; d++) squares += matrix[start + d]! ** 2;
    longest = Math.max(longest, squares);
  }
  return Math.sqrt(longest);
}
