import { countUnknownItems, describeBehavior, originOf, sourceFor, titleOf } from '../answer-parts.ts';
import type { AnswerContext } from '../recommendations/answer-recommendations.ts';
import { readAskingUser, requestedItemIds } from '../users/asking-user.ts';
import { describeUser } from './describe-user.ts';
import { nearestDefault } from './interests-schema.ts';
import type { InterestsAnswer, InterestsRequest } from './interests-schema.ts';

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
