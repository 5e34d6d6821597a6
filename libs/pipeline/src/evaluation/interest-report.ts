import { interestShares, interestSimilarity, mean } from '@facet/evaluation';
import type { InterestSimilarity } from '@facet/evaluation';
import { createItemScorer } from '@facet/model';
import type { ModelScorer } from './model-scorer.ts';
import type { HeldOutSequenceUser } from './tasks.ts';

/** How different a model's interests are, and how often each one wins. */
export interface InterestReport {
  readonly meanInterests: number;
  readonly similarity: InterestSimilarity;
  /** The share of the held-out items that each interest wins. */
  readonly labelShares: readonly number[];
  /** exp(entropy) of `labelShares`. */
  readonly effectiveInterests: number;
}

/** Reports on the interests of held-out users. */
export function reportInterests(
  scorer: ModelScorer,
  heldOut: readonly HeldOutSequenceUser[],
  maxInterests: number,
): InterestReport {
  const interests = scorer.interests(heldOut);
  const { dim } = scorer;
  const winners = interests.flatMap((user, row) => {
    if (user.count === 0) return [];
    const scoreItem = createItemScorer(user, scorer.vectors, { dim });
    return Array.from(heldOut[row]!.truth.items, (item) => scoreItem(item).interest);
  });
  const { shares, effectiveInterests } = interestShares(winners, maxInterests);
  return {
    meanInterests: mean(interests.map(({ count }) => count)),
    similarity: interestSimilarity(interests, dim),
    labelShares: [...shares],
    effectiveInterests,
  };
}
