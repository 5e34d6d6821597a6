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
  const interests = scorer.interests(heldOut);
  const { dim } = scorer;
  const winners = interests.flatMap(({ interests, active }, row) =>
    [...heldOut[row]!.truth.items].map((item) =>
      winningInterest(interests, active, scorer.vectors.subarray(item * dim, (item + 1) * dim)),
    ),
  );
  const { shares, effectiveInterests } = interestShares(
    winners.filter((winner) => winner >= 0),
    maxInterests,
  );
  return {
    meanInterests: mean(interests.map(({ active }) => active)),
    similarity: interestSimilarity(interests, dim),
    labelShares: [...shares],
    effectiveInterests,
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
