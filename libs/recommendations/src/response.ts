import { findUnknownAttributes } from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { AttributeValueSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { fallbackReasons } from './fallback-reasons.ts';
import type { FallbackReason } from './fallback-reasons.ts';

const reasonNames = Object.keys(fallbackReasons) as FallbackReason[];

/** Says whether the model or a fallback chose the items, and why. */
export const ResponseSource = Type.Union(
  [
    Type.Object({
      kind: Type.Literal('model'),
      reason: Type.Optional(
        Type.Literal('profiles_unavailable', {
          description: 'The stored profile could not be read. The response uses the request alone.',
        }),
      ),
    }),
    Type.Object({
      kind: Type.Literal('popular'),
      reason: Type.Enum(reasonNames, {
        description: `${reasonNames.map((name) => `${name}: ${fallbackReasons[name]}`).join('. ')}.`,
      }),
      windowDays: Type.Optional(Type.Integer({ description: 'The window of the popularity counts, in days.' })),
      segment: Type.Optional(
        Type.Object(
          { attribute: Type.String(), value: Type.String(), users: Type.Integer() },
          { description: 'The users whose popular items come first. Absent: all users.' },
        ),
      ),
    }),
  ],
  {
    title: 'ResponseSource',
    description: 'model: the interests of the user chose the items. popular: a fallback to recently popular items.',
  },
);
export type ResponseSource = Static<typeof ResponseSource>;

export const InterestBehavior = Type.Object(
  { itemId: Type.String(), title: Type.Optional(Type.String()), share: Type.Number() },
  {
    title: 'InterestBehavior',
    description:
      'A behavior and its share in an interest, or in the score of an item. The shares of an interest sum to 1.',
  },
);
export type InterestBehavior = Static<typeof InterestBehavior>;

/** Returns the number of an interest in responses, from 1. */
export function interestNumber(index: number): number {
  return index + 1;
}

export const UserInterest = Type.Object(
  {
    interest: Type.Integer({ minimum: 1, description: 'The number of the interest, from 1.' }),
    labels: Type.Array(Type.Object({ attribute: Type.String(), value: Type.String() }, { title: 'InterestLabel' }), {
      description:
        'Attribute values, and words of titles (attribute title), that are more frequent among its items than in the catalog ' +
        'and in the other interests of the user, strongest first. Often empty.',
    }),
    behaviors: Type.Optional(
      Type.Array(InterestBehavior, {
        description: 'With explain full: the behaviors that formed the interest, largest share first.',
      }),
    ),
  },
  { title: 'UserInterest' },
);
export type UserInterest = Static<typeof UserInterest>;

export const ScoredItem = Type.Object(
  {
    itemId: Type.String(),
    title: Type.Optional(Type.String()),
    attributes: Type.Optional(
      Type.Record(Type.String(), AttributeValueSchema, {
        description: 'With include: the named attributes that the item has.',
      }),
    ),
    score: Type.Number({ description: 'Comparable within one list only.' }),
  },
  { title: 'ScoredItem' },
);
export type ScoredItem = Static<typeof ScoredItem>;

export const RemovedItems = Type.Object(
  {
    seen: Type.Integer(),
    excluded: Type.Integer(),
    unavailable: Type.Integer(),
    filtered: Type.Integer(),
  },
  {
    title: 'RemovedItems',
    description:
      'How many catalog items were ruled out. Each item counts once: as excluded, else seen, else unavailable, else filtered.',
  },
);
export type RemovedItems = Static<typeof RemovedItems>;

/** The response fields that name the bundle and the delta. */
export const originFields = {
  bundleId: Type.String({ description: 'The bundle that made the response.' }),
  deltaId: Type.Optional(
    Type.String({
      description:
        'The delta applied to the bundle: the catalog changes since the bundle was built. The same bundle, delta and ' +
        'request give the same items. For the bundle of an arm, this is the delta of the live bundle, which decides what ' +
        'is available.',
    }),
  ),
};

export const unknownAttributesField = Type.Optional(
  Type.Array(Type.String(), { description: 'Attributes named in filters, include or merge that no item has.' }),
);

export function describeOrigin({ id, deltaId }: BundleView): { bundleId: string; deltaId?: string } {
  return { bundleId: id, deltaId };
}

/** Returns the title of an item, if the catalog has one. */
export function findTitle(bundle: BundleView, itemId: string): string | undefined {
  const item = bundle.indexOf(itemId);
  return item === undefined ? undefined : bundle.titleOf(item);
}

/** @param include attributes to add */
export function describeItem(
  bundle: BundleView,
  { item, score }: { readonly item: number; readonly score: number },
  include?: readonly string[],
): ScoredItem {
  return {
    itemId: bundle.idOf(item),
    title: bundle.titleOf(item),
    ...(include === undefined ? {} : { attributes: pickAttributes(bundle, item, include) }),
    score,
  };
}

function pickAttributes(
  bundle: BundleView,
  item: number,
  names: readonly string[],
): NonNullable<ScoredItem['attributes']> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = bundle.attributeOf(item, name);
      if (value === undefined) return [];
      return [[name, typeof value === 'object' ? [...value] : value]];
    }),
  );
}

/** Counts the distinct item ids that the bundle does not know. */
export function countUnknownItems(bundle: BundleView, ...lists: readonly Iterable<string>[]): number {
  const unknown = new Set<string>();
  for (const ids of lists) for (const id of ids) if (bundle.indexOf(id) === undefined) unknown.add(id);
  return unknown.size;
}

/** A name in `include`. The title is no attribute, and each item has it anyway. */
const titleName = 'title';

/**
 * Returns the names of unknown attributes, or undefined if there are none.
 *
 * @param ofFilters unknown attributes of the filters
 * @param named attributes that the request names elsewhere
 */
export function listUnknownAttributes(
  bundle: BundleView,
  ofFilters: readonly string[] = [],
  named: readonly string[] = [],
): string[] | undefined {
  const names = named.filter((name) => name !== titleName);
  const unknown = new Set([...ofFilters, ...findUnknownAttributes(bundle, names)]);
  return unknown.size === 0 ? undefined : [...unknown];
}
