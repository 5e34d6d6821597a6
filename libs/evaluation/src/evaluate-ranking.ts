import { AppError } from '@facet/platform';
import { byMetric, metricNames, metrics } from './metrics-table.ts';
import type { MetricName, UserMetric } from './metrics-table.ts';
import { mean, sum, truthSize } from './metrics.ts';
import type { Truth } from './metrics.ts';

/** One user's ranking over the full catalog (distinct item indices, best first) and the user's held-out items. */
export interface RankedUser {
  readonly ranking: Int32Array;
  readonly truth: Truth;
}

const userMetrics = metricNames.filter((name): name is UserMetric => 'at' in metrics[name]);

/** Means over users, and metrics of all users together. */
export type CutoffMetrics = Readonly<Record<'cutoff' | MetricName, number>>;

/** One value per user, in the order of the input, for {@link bootstrapInterval} and {@link pairedBootstrap}. */
type UserMetrics = Readonly<Record<UserMetric, Float64Array>> & { readonly cutoff: number };

export interface RankingEvaluation {
  /** Users with at least one true item: the users that the means are over. */
  readonly users: number;
  /** Users left out because they have no held-out items. */
  readonly usersWithoutTruth: number;
  /** In the order of the requested cutoffs. */
  readonly metrics: readonly CutoffMetrics[];
  /** Parallel to `metrics`. */
  readonly perUser: readonly UserMetrics[];
}

/**
 * Evaluates rankings at each cutoff. It reads users one at a time, so a generator keeps only one ranking in memory.
 *
 * @param options.catalogSize N, the number of items in the vocabulary: the denominator of coverage.
 * @throws AppError `EVALUATION_RANKING_INVALID` for a ranking that repeats an item or contains one outside 1..N.
 */
export function evaluateRanking(
  users: Iterable<RankedUser>,
  options: { readonly cutoffs: readonly number[]; readonly catalogSize: number },
): RankingEvaluation {
  const { cutoffs, catalogSize } = options;
  const collected = cutoffs.map((cutoff) => ({
    cutoff,
    values: byMetric(userMetrics, (): number[] => []),
    seen: new Uint8Array(catalogSize + 1),
  }));
  const lastSeenBy = new Int32Array(catalogSize + 1);
  let position = 0;
  let usersWithoutTruth = 0;
  for (const { ranking, truth } of users) {
    position++;
    checkRanking(ranking, lastSeenBy, position);
    if (truthSize(truth) === 0) {
      usersWithoutTruth++;
      continue;
    }
    for (const { cutoff, values, seen } of collected) {
      for (const name of userMetrics) values[name].push(metrics[name].at(ranking, truth, cutoff));
      for (const item of ranking.subarray(0, cutoff)) seen[item] = 1;
    }
  }
  return {
    users: position - usersWithoutTruth,
    usersWithoutTruth,
    metrics: collected.map(({ cutoff, values, seen }) => ({
      cutoff,
      ...byMetric(userMetrics, (name) => mean(values[name])),
      coverage: catalogSize === 0 ? 0 : sum(seen) / catalogSize,
    })),
    perUser: collected.map(({ cutoff, values }) => ({
      cutoff,
      ...byMetric(userMetrics, (name) => Float64Array.from(values[name])),
    })),
  };
}

/** @param lastSeenBy by item, the position of the last user whose ranking contained it: reveals repeats in O(1) */
function checkRanking(ranking: Int32Array, lastSeenBy: Int32Array, position: number): void {
  for (const item of ranking) {
    const isOutside = item < 1 || item >= lastSeenBy.length;
    if (isOutside || lastSeenBy[item] === position) {
      throw new AppError(
        `The ranking of user ${position} ${isOutside ? 'contains an item outside the catalog' : 'repeats an item'}: index ${item}.`,
        {
          code: 'EVALUATION_RANKING_INVALID',
          category: 'internal',
          remedy: 'Rank distinct items between 1 and the size of the catalog.',
          context: { item, user: position, catalogSize: lastSeenBy.length - 1 },
        },
      );
    }
    lastSeenBy[item] = position;
  }
}
