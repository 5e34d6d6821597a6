import { interestShares, interestSimilarity } from '@facet/evaluation';
import type { InterestSimilarity } from '@facet/evaluation';
import { bestInterest } from '@facet/model';
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
  const interests = scorer.interests(heldOut);
  const { dim } = scorer;
  const winners = interests.flatMap((user, row) =>
    user.count === 0
      ? []
      : [...heldOut[row]!.truth.items].map((item) => bestInterest(user, scorer.vectors, item, dim).interest),
  );
  const { shares, effectiveInterests } = interestShares(winners, maxInterests);
  return {
    meanInterests: mean(interests.map(({ count }) => count)),
    similarity: interestSimilarity(interests, dim),
    labelShares: [...shares],
    effectiveInterests,
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
