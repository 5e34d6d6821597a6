import type { BundleView } from '@facet/bundles';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { FoundItem } from './recommend.ts';
import type { AskingUser } from './users/asking-user.ts';
import type { InterestBehavior } from './users/read-user.ts';

/** Where an answer comes from: the model, or a fallback and why. */
export const AnswerSource = Type.Union(
  [
    Type.Object({
      kind: Type.Literal('model'),
      reason: Type.Optional(
        Type.Literal('profiles_unavailable', {
          description: 'The stored profile could not be read: the answer knows only what the request says.',
        }),
      ),
    }),
    Type.Object({
      kind: Type.Literal('popular'),
      reason: Type.Union(
        [
          Type.Literal('unknown_user'),
          Type.Literal('no_behaviors'),
          Type.Literal('no_known_items'),
          Type.Literal('no_interest'),
          Type.Literal('unknown_item'),
          Type.Literal('no_features'),
          Type.Literal('profiles_unavailable'),
        ],
        {
          description:
            'unknown_user: nothing is stored of the userId and the request has no behaviors. no_behaviors: there are ' +
            'none. no_known_items: the bundle knows none of the items. no_interest: the model finds nothing in them. ' +
            'unknown_item: the bundle does not know the item that others should be like. no_features: nobody has chosen ' +
            'that item, and the model knows none of its attributes. ' +
            'profiles_unavailable: the stored profile could not be read, and the request alone gives no interests.',
        },
      ),
      windowDays: Type.Optional(Type.Integer({ description: 'Within how many days they were chosen.' })),
      segment: Type.Optional(
        Type.Object(
          { attribute: Type.String(), value: Type.String(), users: Type.Integer() },
          { description: 'Whose choices come first: users with this attribute. Absent: all.' },
        ),
      ),
    }),
  ],
  {
    title: 'AnswerSource',
    description: 'model: found by the interests of the user. popular: the items most chosen lately, and why.',
  },
);
export type AnswerSource = Static<typeof AnswerSource>;

export const AnswerBehavior = Type.Object(
  { itemId: Type.String(), title: Type.Optional(Type.String()), share: Type.Number() },
  {
    title: 'AnswerBehavior',
    description: 'A behavior and its part in an interest; the shares of an interest add up to 1.',
  },
);
export type AnswerBehavior = Static<typeof AnswerBehavior>;

export const AnswerInterest = Type.Object(
  {
    interest: Type.Integer({ minimum: 0 }),
    behaviors: Type.Array(AnswerBehavior, { description: 'What formed it, the largest share first.' }),
  },
  { title: 'AnswerInterest' },
);

/** The fields of an answer that say what it was made from. */
export const answerOrigin = {
  bundleId: Type.String({ description: 'Which bundle answered.' }),
  deltaId: Type.Optional(
    Type.String({
      description:
        'Which delta was over it: what of the catalog has changed since the bundle was built. The same bundle, delta and ' +
        'request give the same items. Where the bundle is that of an arm, it is the delta of the bundle that is live, which ' +
        'says what is offered.',
    }),
  ),
};

export function originOf({ id, deltaId }: BundleView): { bundleId: string; deltaId?: string } {
  return { bundleId: id, ...(deltaId === undefined ? {} : { deltaId }) };
}

/** A title where the catalog has one. */
export function titleOf(bundle: BundleView, itemId: string): { title?: string } {
  const item = bundle.indexOf(itemId);
  const title = item === undefined ? undefined : bundle.titleOf(item);
  return title === undefined ? {} : { title };
}

export function describeBehavior(bundle: BundleView, { itemId, share }: InterestBehavior): AnswerBehavior {
  return { itemId, ...titleOf(bundle, itemId), share };
}

export function describeItem(
  bundle: BundleView,
  { item, score }: Pick<FoundItem, 'item' | 'score'>,
): { itemId: string; title?: string; score: number } {
  const itemId = bundle.idOf(item);
  const title = bundle.titleOf(item);
  return title === undefined ? { itemId, score } : { itemId, title, score };
}

/** How many different item ids the bundle does not know. */
export function countUnknownItems(bundle: BundleView, ...lists: readonly Iterable<string>[]): number {
  const unknown = new Set<string>();
  for (const ids of lists) for (const id of ids) if (bundle.indexOf(id) === undefined) unknown.add(id);
  return unknown.size;
}

/**
 * The source as the caller reads it: that the profile is missing, or that nobody knows the user, says more than that there
 * are no behaviors.
 */
export function sourceFor(user: AskingUser, source: AnswerSource): AnswerSource {
  if (user.isProfileMissing) return { ...source, reason: 'profiles_unavailable' };
  if (source.kind === 'popular' && source.reason === 'no_behaviors' && user.isUnknown) {
    return { ...source, reason: 'unknown_user' };
  }
  return source;
}
