import { interestShares, interestSimilarity, winningInterest } from '@facet/evaluation';
import type { InterestSimilarity } from '@facet/evaluation';
import type { ModelScorer } from './model-scorer.ts';
import type { HeldOutSequenceUser } from './tasks.ts';

/** How the interests of a model differ and share the work; see libs/evaluation/src/monitors. */
export interface InterestReport {
  readonly meanInterests: number;
  readonly similarity: InterestSimilarity;
  /** Share of the held-out labels that each interest wins, and exp of their entropy. */
  readonly labelShares: readonly number[];
  readonly effectiveInterests: number;
}

/** The interests of held-out users. */
export function reportInterests(
  scorer: ModelScorer,
  heldOut: readonly HeldOutSequenceUser[],
  maxInterests: number,
): InterestReport {
  const users = heldOut.map((user) => ({ user, interests: scorer.interests(user) }));
  const { dim } = scorer;
  const winners = users.flatMap(({ user, interests }) =>
    [...user.truth.items].map((item) =>
      winningInterest(interests.interests, interests.active, scorer.vectors.subarray(item * dim, (item + 1) * dim)),
    ),
  );
  const { shares, effectiveInterests } = interestShares(
    winners.filter((winner) => winner >= 0),
    maxInterests,
  );
  return {
    meanInterests: mean(users.map(({ interests }) => interests.active)),
    similarity: interestSimilarity(
      users.map(({ interests }) => interests),
      dim,
    ),
    labelShares: [...shares],
    effectiveInterests,
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
