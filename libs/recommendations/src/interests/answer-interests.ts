import { labelItems } from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { countUnknownItems, describeBehavior, originOf, sourceFor, titleOf } from '../answer-parts.ts';
import type { AnswerContext } from '../recommendations/answer-recommendations.ts';
import { readAskingUser, requestedItemIds } from '../users/asking-user.ts';
import { describeUser } from './describe-user.ts';
import { nearestDefault } from './interests-schema.ts';
import type { InterestsAnswer, InterestsRequest } from './interests-schema.ts';
import type { InterestBehavior } from '../users/read-user.ts';

/** Behaviors with less than this part of the largest one's share do not stand for an interest. */
const typicalShareMin = 0.25;

/** Describes the interests of one user. @throws AppError `REQUEST_INVALID`. */
export async function answerInterests(
  request: InterestsRequest,
  context: Pick<AnswerContext, 'bundle' | 'readProfile' | 'now'>,
): Promise<InterestsAnswer> {
  const { bundle } = context;
  const user = await readAskingUser(bundle, request, context);
  const { behaviors, attributes } = user;
  const described = await describeUser(bundle, { behaviors, attributes, nearest: request.nearest ?? nearestDefault });
  const interests = described.map(({ interest, behaviors: formedBy, nearest }) => ({
    interest,
    behaviors: formedBy.map((behavior) => describeBehavior(bundle, behavior)),
    labels: labelItems(bundle, labeledItems(bundle, formedBy, nearest)).map(({ attribute, value }) => ({
      attribute,
      value,
    })),
    nearest: nearest.map(({ itemId, score }) => ({ itemId, ...titleOf(bundle, itemId), score })),
  }));
  const reason = behaviors.length === 0 ? 'no_behaviors' : 'no_known_items';
  return {
    ...originOf(bundle),
    source: sourceFor(user, interests.length > 0 ? { kind: 'model' } : { kind: 'popular', reason }),
    interestCount: interests.length,
    interests,
    unknownItems: countUnknownItems(bundle, requestedItemIds(request)),
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
