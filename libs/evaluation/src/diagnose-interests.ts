import { dot } from '@facet/platform';
import type { UserInterests } from './interest-monitors.ts';
import type { HeldOutUser } from './rank-users.ts';
import { mean, truthSize } from './metrics.ts';

/**
 * Ways to rank the catalog with the interests of one user. `served`: by the score of the model, as serving does. `max`: by the maximum over
 * the interests. `mean`: by the mean of the interests, scaled to their mean length. `sum`: by the smooth maximum with β = 1. `turns`: the
 * interests take turns, each with its next best item. `quota`: half of the slots by the score, the other half in turns. `oracle`: for each
 * label, by the interest that ranks it best, which no serving can know.
 */
export const rankingWays = ['served', 'max', 'mean', 'sum', 'turns', 'quota', 'oracle'] as const;
export type RankingWay = (typeof rankingWays)[number];

/** The catalog as one user sees it. */
export interface ScoredCatalog {
  /** [N + 1, D] */
  readonly vectors: Float32Array;
  readonly dim: number;
  /** Combines the scores of an item for each interest into its score, by the sharpness of the model or the given one. */
  readonly scoreOf: (ofInterests: readonly number[], sharpness?: number) => number;
  /** [N + 1] An item's prior, the same for all interests. */
  readonly prior: Float32Array | undefined;
  /** [N + 1] 1 for an item that may be ranked. */
  readonly candidates: Uint8Array;
}

/** The ranks of one user's held-out items that are new to the user. */
export interface LabelRanks {
  /** For each way, the rank of each label, 1 for the first item. */
  readonly ranks: Readonly<Record<RankingWay, Int32Array>>;
  /** For each label, the interest with the highest score. */
  readonly winners: Int32Array;
  /** [K'u] How many of the first `slots` served items each interest wins, and how many of those are labels. */
  readonly slots: Int32Array;
  readonly hits: Int32Array;
  /** Labels including those outside the vocabulary, which have no rank. */
  readonly labels: number;
}

/** Ranks a user's labels among all candidates that are not in the history. @param slots The length of the served list. */
export function rankLabels(
  user: HeldOutUser,
  interests: UserInterests,
  catalog: ScoredCatalog,
  slots: number,
): LabelRanks {
  const { count: K, vectors: own } = interests;
  const { vectors, dim, scoreOf, prior, candidates } = catalog;
  const history = new Set(user.history);
  const items = Int32Array.from(candidates.keys()).filter((item) => candidates[item] === 1 && !history.has(item));
  const positions = new Map<number, number>();
  items.forEach((item, position) => positions.set(item, position));
  const scoresOf = (vector: Float32Array): Float32Array =>
    Float32Array.from(items, (item) => dot(vector, 0, vectors, item * dim, dim) + (prior?.[item] ?? 0));
  const byInterest = Array.from({ length: K }, (_, k) => scoresOf(own.subarray(k * dim, (k + 1) * dim)));
  const best = items.map((_, position) => bestOf(byInterest, position));
  const maxima = Float32Array.from(best, (interest, position) => byInterest[interest]![position]!);
  const scores = new Float32Array(items.length);
  const sums = new Float32Array(items.length);
  items.forEach((_, position) => {
    const ofItem = byInterest.map((each) => each[position]!);
    scores[position] = scoreOf(ofItem);
    sums[position] = scoreOf(ofItem, 1);
  });
  const ranksByInterest = byInterest.map(ranksOf);
  const bestRanks = Int32Array.from(items, (_, position) =>
    Math.min(...ranksByInterest.map((ranks) => ranks[position]!)),
  );
  const servedRanks = ranksOf(scores);
  const turnRanks = ranksOf(orderOf(bestRanks, servedRanks));
  const quotaRanks = ranksOf(
    orderOf(
      turnRanks.map((rank, position) => Math.min(rank, servedRanks[position]!)),
      servedRanks,
    ),
  );
  const labels = [...user.truth.items].filter((item) => !history.has(item)).map((item) => positions.get(item)!);
  const pick = (ranks: Int32Array): Int32Array => Int32Array.from(labels, (position) => ranks[position]!);
  const slotsOf = new Int32Array(K);
  const hits = new Int32Array(K);
  servedRanks.forEach((rank, position) => {
    if (rank <= slots) slotsOf[best[position]!]!++;
  });
  for (const position of labels) if (servedRanks[position]! <= slots) hits[best[position]!]!++;
  return {
    ranks: {
      served: pick(servedRanks),
      max: pick(ranksOf(maxima)),
      mean: pick(ranksOf(scoresOf(meanInterest(own, K, dim)))),
      sum: pick(ranksOf(sums)),
      turns: pick(turnRanks),
      quota: pick(quotaRanks),
      oracle: pick(bestRanks),
    },
    winners: Int32Array.from(labels, (position) => best[position]!),
    slots: slotsOf,
    hits,
    labels: truthSize(user.truth) - (user.truth.items.length - labels.length),
  };
}

/** Returns the mean over users of recall at a cutoff. Users without labels do not count. */
export function recallOf(users: readonly LabelRanks[], way: RankingWay, cutoff: number): number {
  const counted = users.filter(({ labels }) => labels > 0);
  return mean(counted.map(({ ranks, labels }) => ranks[way].filter((rank) => rank <= cutoff).length / labels));
}

function bestOf(byInterest: readonly Float32Array[], position: number): number {
  let best = 0;
  for (let k = 1; k < byInterest.length; k++) if (byInterest[k]![position]! > byInterest[best]![position]!) best = k;
  return best;
}

/** Returns scores that order items by their first ranks, and equal ones by their second ranks. */
function orderOf(first: Int32Array, second: Int32Array): Float64Array {
  return Float64Array.from(first, (rank, position) => -(rank * (first.length + 1) + second[position]!));
}

/** Returns the rank of each score: 1 plus the number of higher scores. */
function ranksOf(scores: Float32Array | Float64Array): Int32Array {
  const ranks = new Map<number, number>();
  scores
    .slice()
    .sort()
    .reverse()
    .forEach((score, higher) => {
      if (!ranks.has(score)) ranks.set(score, higher + 1);
    });
  return Int32Array.from(scores, (score) => ranks.get(score)!);
}

/** Returns the direction of the mean interest with the mean length of the interests. */
function meanInterest(interests: Float32Array, K: number, dim: number): Float32Array {
  const mean = new Float32Array(dim);
  let length = 0;
  for (let k = 0; k < K; k++) {
    const vector = interests.subarray(k * dim, (k + 1) * dim);
    length += Math.sqrt(dot(vector, 0, vector, 0, dim)) / K;
    for (let d = 0; d < dim; d++) mean[d]! += vector[d]! / K;
  }
  const own = Math.sqrt(dot(mean, 0, mean, 0, dim));
  return own === 0 ? mean : mean.map((value) => (value * length) / own);
}
