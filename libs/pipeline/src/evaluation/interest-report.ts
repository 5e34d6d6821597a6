import { chunksOf, interestShares, interestSimilarity, mean, preparedUsersMax } from '@facet/evaluation';
import type { InterestSimilarity, UserInterests } from '@facet/evaluation';
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
  const { dim } = scorer;
  const counts: number[] = [];
  const winners: number[] = [];
  const similarity = interestSimilarity(readInterests(), dim);
  const { shares, effectiveInterests } = interestShares(winners, maxInterests);
  return {
    meanInterests: mean(counts),
    similarity,
    labelShares: [...shares],
    effectiveInterests,
  };

  function* readInterests(): Generator<UserInterests> {
    for (const users of chunksOf(heldOut, preparedUsersMax)) {
      for (const [row, user] of scorer.interests(users).entries()) {
        counts.push(user.count);
        if (user.count > 0) {
          const scoreItem = createItemScorer(user, scorer.vectors, { dim });
          for (const item of users[row]!.truth.items) winners.push(scoreItem(item).interest);
        }
        yield user;
      }
    }
  }
}
