import { recommend } from '@facet/recommendations';
import type { RecommendationSource } from '@facet/recommendations';
import type { Loaded } from '../live/live-bundle.ts';
import { readAskingUser, requestedItemIds } from '../profiles/asking-user.ts';
import type { AskingUser } from '../profiles/asking-user.ts';
import { countUnknownItems, describeBehavior, describeItem, originOf } from './answer-schema.ts';
import type { AnswerSource } from './answer-schema.ts';
import { limitDefault } from './recommendations-schema.ts';
import type { RecommendationsAnswer, RecommendationsRequest } from './recommendations-schema.ts';

/** The behaviors named as the reasons of an item. */
const reasonsMax = 3;

/** Answers one request from what is loaded. */
export async function answerRecommendations(
  loaded: Loaded,
  request: RecommendationsRequest,
  asked: { readonly recommendationId: string; readonly now: number },
): Promise<RecommendationsAnswer> {
  const { bundle } = loaded;
  const { limit = limitDefault, exclude = [], includeSeen = false, explain = false } = request;
  const user = await readAskingUser(loaded, request, asked.now);
  const { behaviors, attributes } = user;
  const result = await recommend(bundle, { behaviors, attributes, limit, exclude, includeSeen });
  const interests = result.interests.map((interest) => ({
    interest: interest.interest,
    behaviors: interest.behaviors.map((behavior) => describeBehavior(bundle, behavior)),
  }));
  const reasons = interests.map((interest) => interest.behaviors.slice(0, reasonsMax));
  const items = result.items.map((found) => {
    const item = describeItem(bundle, found);
    return explain && item.interest !== undefined ? { ...item, reasons: reasons[item.interest] ?? [] } : item;
  });
  return {
    recommendationId: asked.recommendationId,
    ...originOf(bundle),
    source: sourceFor(user, result.source),
    items,
    ...(explain ? { interests } : {}),
    requested: limit,
    returned: items.length,
    removed: result.removed,
    unknownItems: countUnknownItems(bundle, requestedItemIds(request), exclude),
  };
}

/**
 * The source as the caller reads it: that the profile is missing, or that nobody knows the user, says more than that there
 * are no behaviors.
 */
export function sourceFor(user: AskingUser, source: RecommendationSource): AnswerSource {
  if (user.isProfileMissing) return { kind: source.kind, reason: 'profiles_unavailable' };
  if (source.kind === 'popular' && source.reason === 'no_behaviors' && user.isUnknown) {
    return { kind: 'popular', reason: 'unknown_user' };
  }
  return source;
}
