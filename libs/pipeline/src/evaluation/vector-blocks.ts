import type { BlockScorer, UserInterests } from '@facet/evaluation';
import { bestInterest } from '@facet/model';
import type { CatalogProducts } from '@facet/model/training';

/** Users and items as vectors: the score of an item is max_k v_kᵀ e, what its prior adds, and a bonus of the user's own. */
export interface VectorScores<User> {
  /** [N + 1, D] */
  readonly vectors: Float32Array;
  readonly dim: number;
  /** K, the most interests of a user. */
  readonly interestsMax: number;
  readonly interests: (user: User) => UserInterests;
  /** [N + 1] for the moment of asking. */
  readonly prior: (user: User) => Float32Array | undefined;
  /** Items with a bonus, each once. */
  readonly bonuses: (user: User) => ReadonlyMap<number, number>;
  /** [N + 1] 1 for an item that may be ranked. */
  readonly candidates: Uint8Array;
}

/** The unit roundoff of float32. */
const roundoff = 2 ** -24;

/** Exactly the scores of {@link exactScore}, found by way of float32 products of many users at once. */
export function createVectorBlocks<User>(scores: VectorScores<User>, products: CatalogProducts): BlockScorer<User> {
  const { vectors, dim, interestsMax: K, candidates } = scores;
  const width = vectors.length / dim;
  const itemNorm = longestRow(vectors, dim);
  const others = Int32Array.from(candidates.keys()).filter((item) => candidates[item] !== 1);
  const noPrior = new Float32Array(width);
  // Many users are asked at one moment, and have one prior.
  const priorSizes = new WeakMap<Float32Array, number>();
  const sizeOf = (prior: Float32Array): number => {
    if (!priorSizes.has(prior)) priorSizes.set(prior, largestOf(prior, candidates));
    return priorSizes.get(prior)!;
  };
  return {
    usersMax: products.usersMax,
    scoreBlock(users) {
      const asked = users.map((user) => ({
        interests: scores.interests(user),
        prior: scores.prior(user) ?? noPrior,
        bonuses: scores.bonuses(user),
      }));
      const stacked = new Float32Array(users.length * K * dim);
      asked.forEach(({ interests: { vectors, count } }, row) => {
        for (let k = 0; k < K && count > 0; k++) {
          // The first interest again in the place of one that is not there changes no maximum.
          const source = k < count ? k * dim : 0;
          stacked.set(vectors.subarray(source, source + dim), (row * K + k) * dim);
        }
      });
      const rows = products.scores(
        stacked,
        asked.map(({ prior }) => prior),
      );
      let additionsMax = 0;
      asked.forEach(({ interests, prior, bonuses }, row) => {
        const own = rows.subarray(row * width, (row + 1) * width);
        if (interests.count === 0) own.fill(Number.NEGATIVE_INFINITY);
        additionsMax = Math.max(additionsMax, sizeOf(prior) + addBonuses(own, bonuses));
        for (const item of others) own[item] = Number.NEGATIVE_INFINITY;
      });
      // The bound of a product of length D summed in any order, and of the additions after it, with room to spare.
      const tolerance = 4 * (dim + 4) * roundoff * (longestRow(stacked, dim) * itemNorm + additionsMax);
      return {
        width,
        scores: rows,
        tolerance,
        exact: (row, item) => {
          const { interests, prior, bonuses } = asked[row]!;
          return exactScore(interests, vectors, item, { dim, prior, bonus: bonuses.get(item) });
        },
      };
    },
  };
}

/** The score of one item as a `Scorer` has it in its float32 array. */
export function exactScore(
  interests: UserInterests,
  vectors: Float32Array,
  item: number,
  terms: { readonly dim: number; readonly prior: Float32Array | undefined; readonly bonus: number | undefined },
): number {
  const { score } = bestInterest(interests, vectors, item, terms.dim);
  const withPrior = Math.fround(score + (terms.prior?.[item] ?? 0));
  return terms.bonus === undefined ? withPrior : Math.fround(withPrior + terms.bonus);
}

/** @returns the largest size of a bonus */
function addBonuses(own: Float32Array, bonuses: ReadonlyMap<number, number>): number {
  let largestBonus = 0;
  for (const [item, bonus] of bonuses) {
    own[item]! += bonus;
    largestBonus = Math.max(largestBonus, Math.abs(bonus));
  }
  return largestBonus;
}

/** The largest size of what candidates have. */
function largestOf(prior: Float32Array, candidates: Uint8Array): number {
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
