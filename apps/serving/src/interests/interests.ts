import { describeUser } from '@facet/recommendations';
import type { Loaded } from '../live/live-bundle.ts';
import { readAskingUser, requestedItemIds } from '../profiles/asking-user.ts';
import { countUnknownItems, describeBehavior, originOf, titleOf } from '../recommendations/answer-schema.ts';
import { sourceFor } from '../recommendations/recommendations.ts';
import { nearestDefault } from './interests-schema.ts';
import type { InterestsAnswer, InterestsRequest } from './interests-schema.ts';

/** Describes the interests of one user from what is loaded. */
export async function answerInterests(
  loaded: Loaded,
  request: InterestsRequest,
  now: number,
): Promise<InterestsAnswer> {
  const { bundle } = loaded;
  const user = await readAskingUser(loaded, request, now);
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
