import { labelItems } from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { countUnknownItems, describeBehavior, originOf, sourceFor, titleOf } from '../answer-parts.ts';
import type { AnswerContext } from '../recommendations/answer-recommendations.ts';
import { unmeasured } from '../stage-clock.ts';
import { readAskingUser, requestedItemIds } from '../users/asking-user.ts';
import { readUser, whyWithoutInterests } from '../users/read-user.ts';
import type { InterestBehavior } from '../users/read-user.ts';
import { nearestToInterests } from './describe-user.ts';
import type { DescribedInterest } from './describe-user.ts';
import { nearestDefault } from './interests-schema.ts';
import type { InterestsAnswer, InterestsRequest } from './interests-schema.ts';

/** Behaviors with less than this part of the largest one's share do not stand for an interest. */
const typicalShareMin = 0.25;

/**
 * Describes the interests of one user. Without any, the source says why, as it does for recommendations.
 *
 * @throws AppError `REQUEST_INVALID`.
 */
export async function answerInterests(
  request: InterestsRequest,
  context: Pick<AnswerContext, 'bundle' | 'readProfile' | 'now' | 'measure'>,
): Promise<InterestsAnswer> {
  const { bundle, measure = unmeasured } = context;
  const asking = await measure('profile', () => readAskingUser(bundle, request, context));
  const user = measure('interests', () => readUser(bundle, asking));
  const reason = whyWithoutInterests(user, asking);
  const { nearest: limit = nearestDefault } = request;
  const described = reason === undefined ? await measure('search', () => nearestToInterests(bundle, user, limit)) : [];
  return measure('render', () => ({
    ...originOf(bundle),
    source: sourceFor(asking, reason === undefined ? { kind: 'model' } : { kind: 'popular', reason }),
    interestCount: described.length,
    interests: described.map((interest) => renderInterest(bundle, interest)),
    unknownItems: countUnknownItems(bundle, requestedItemIds(request)),
  }));
}

function renderInterest(
  bundle: BundleView,
  { interest, behaviors, nearest }: DescribedInterest,
): InterestsAnswer['interests'][number] {
  return {
    interest,
    behaviors: behaviors.map((behavior) => describeBehavior(bundle, behavior)),
    labels: labelItems(bundle, labeledItems(bundle, behaviors, nearest)).map(({ attribute, value }) => ({
      attribute,
      value,
    })),
    nearest: nearest.map(({ itemId, score }) => ({ itemId, ...titleOf(bundle, itemId), score })),
  };
}

/** What an interest is about: the items nearest to it, and the behaviors that formed most of it. */
function labeledItems(
  bundle: BundleView,
  formedBy: readonly InterestBehavior[],
  nearest: readonly { readonly itemId: string }[],
): Set<number> {
  const shareMin = typicalShareMin * (formedBy[0]?.share ?? 0);
  const typical = formedBy.filter(({ share }) => share > 0 && share >= shareMin);
  return new Set([...typical, ...nearest].map(({ itemId }) => bundle.indexOf(itemId)!));
}
