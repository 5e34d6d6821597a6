import type { BundleView } from '@facet/bundles';
import type { InterestBehavior, Recommendation } from '@facet/recommendations';
import { Type } from 'typebox';
import type { Static } from 'typebox';

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
          Type.Literal('profiles_unavailable'),
        ],
        {
          description:
            'unknown_user: nothing is stored of the userId and the request has no behaviors. no_behaviors: there are ' +
            'none. no_known_items: the bundle knows none of the items. no_interest: the model finds nothing in them. ' +
            'profiles_unavailable: the stored profile could not be read, and the request alone gives no interests.',
        },
      ),
    }),
  ],
  { description: 'model: found by the interests of the user. popular: the items most chosen lately, and why.' },
);
export type AnswerSource = Static<typeof AnswerSource>;

export const AnswerBehavior = Type.Object(
  { itemId: Type.String(), title: Type.Optional(Type.String()), share: Type.Number() },
  { description: 'A behavior and its part in an interest; the shares of an interest add up to 1.' },
);
export type AnswerBehavior = Static<typeof AnswerBehavior>;

export const AnswerInterest = Type.Object({
  interest: Type.Integer({ minimum: 0 }),
  behaviors: Type.Array(AnswerBehavior, { description: 'What formed it, the largest share first.' }),
});

/** The fields of an answer that say what it was made from. */
export const answerOrigin = {
  bundleId: Type.String({ description: 'Which bundle answered.' }),
  deltaId: Type.Optional(
    Type.String({
      description:
        'Which delta was over it: what of the catalog has changed since the bundle was built. The same bundle, delta and ' +
        'request give the same items.',
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
  { itemId, score, interest }: Recommendation,
): { itemId: string; title?: string; score: number; interest?: number } {
  return { itemId, ...titleOf(bundle, itemId), score, ...(interest === undefined ? {} : { interest }) };
}

/** How many different item ids the bundle does not know. */
export function countUnknownItems(bundle: BundleView, ...lists: readonly Iterable<string>[]): number {
  const unknown = new Set<string>();
  for (const ids of lists) for (const id of ids) if (bundle.indexOf(id) === undefined) unknown.add(id);
  return unknown.size;
}
