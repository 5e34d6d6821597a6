import type { BundleView } from '@facet/bundles';
import { AttributeValueSchema, EventSchema, futureToleranceMs, IdentifierSchema } from '@facet/schemas';
import type { Attributes } from '@facet/features';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import { recordOf } from '@facet/platform';
import type { UserProfile } from '@facet/profiles';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { requestError } from '../request-error.ts';
import type { ReadProfile } from './profile-reading.ts';
import type { Behavior } from './read-user.ts';

/** More are refused: no model reads as many, and each is work. */
const behaviorsMax = 10_000;

const { occurredAt, type } = EventSchema.properties;

const RequestedBehavior = Type.Union(
  [
    IdentifierSchema,
    Type.Object({
      itemId: IdentifierSchema,
      occurredAt: Type.Optional(occurredAt),
      type: Type.Optional(type),
    }),
  ],
  {
    title: 'RequestedBehavior',
    description:
      'An item that the user chose: its id, or the id with the time and the type of event. Without a time: just now.',
  },
);

/** The fields of a body that say who asks. */
export const askingUserFields = {
  userId: Type.Optional(IdentifierSchema),
  behaviors: Type.Optional(
    Type.Array(RequestedBehavior, {
      maxItems: behaviorsMax,
      description: 'What the user chose, oldest first. With a userId they come on top of the stored ones.',
    }),
  ),
  profile: Type.Optional(
    recordOf(AttributeValueSchema, {
      description: 'Attributes of the user, by name; they win over the stored ones.',
    }),
  ),
};

export type AskingUserFields = Static<Type.TObject<typeof askingUserFields>>;

/** Something a user chose, with the type of event where it is known. */
export interface TypedBehavior extends Behavior {
  readonly type?: string | undefined;
}

/** A user as the model reads one. */
export interface AskingUser {
  readonly userId: string | undefined;
  /** By the rules that the bundle's model was trained with. */
  readonly behaviors: readonly Behavior[];
  /** All that is known of what the user chose, before those rules, and when it really was: what has no time is of now. */
  readonly choices: readonly TypedBehavior[];
  readonly attributes: Attributes;
  /** Whether a userId was given of which nothing is stored. */
  readonly isUnknown: boolean;
  /** Whether a userId was given and its profile could not be read. */
  readonly isProfileMissing: boolean;
}

/**
 * Joins what is stored of a user with what the request says. The request's attributes win.
 *
 * @param now the clock in epoch milliseconds. It bounds the times of the request and dates its `choices`; the `behaviors`,
 *   which the model reads, know nothing of it.
 * @throws AppError `REQUEST_INVALID` for a time that is no moment, or lies in the future.
 */
export async function readAskingUser(
  bundle: BundleView,
  fields: AskingUserFields,
  { readProfile, now }: { readonly readProfile: ReadProfile; readonly now: number },
): Promise<AskingUser> {
  const { userId } = fields;
  const reading = userId === undefined ? undefined : await readProfile(userId);
  const profile = reading?.profile;
  const stored = profile === undefined ? [] : storedBehaviors(bundle, fields, profile);
  const newest = Math.max(bundle.info.asOf, stored.at(-1)?.occurredAt ?? 0);
  const requested = readRequested(fields.behaviors ?? [], now);
  return {
    userId,
    behaviors: joinBehaviors(bundle, stored, placeInTime(requested, newest), userId),
    choices: [
      ...(profile?.events ?? []),
      ...requested.map(({ itemId, occurredAt = now, type }) => ({ itemId, occurredAt, type })),
    ],
    attributes: { ...profile?.attributes, ...fields.profile },
    isUnknown: reading?.isAvailable === true && profile === undefined,
    isProfileMissing: reading?.isAvailable === false,
  };
}

/** The stored positives as behaviors, by the rules that the bundle's model was trained with. */
function storedBehaviors(
  { info }: BundleView,
  { userId = '' }: AskingUserFields,
  { events }: UserProfile,
): readonly Behavior[] {
  const { positives, repeats, tieSeed } = info.interactions;
  const rules = { isPositive: parsePositiveRule(positives), repeats, tieSeed };
  return selectInteractions(
    events.map((event) => ({ ...event, userId })),
    rules,
  ).interactions.map(({ itemId, occurredAt }) => ({ itemId, occurredAt }));
}

/** One history of the stored and the requested behaviors, by the same rules as in training. */
function joinBehaviors(
  { info }: BundleView,
  stored: readonly Behavior[],
  requested: readonly Behavior[],
  userId = '',
): readonly Behavior[] {
  if (requested.length === 0) return stored;
  const events = [...stored, ...requested].map(({ itemId, occurredAt }, position) => ({
    itemId,
    occurredAt,
    userId,
    eventId: String(position),
    type: 'behavior',
  }));
  const { repeats, tieSeed } = info.interactions;
  return selectInteractions(events, { isPositive: () => true, repeats, tieSeed }).interactions;
}

/** A choice whose time may be unknown. */
type DatedOrNot = Omit<TypedBehavior, 'occurredAt'> & { readonly occurredAt: number | undefined };

function readRequested(requested: readonly Static<typeof RequestedBehavior>[], now: number): readonly DatedOrNot[] {
  // All of one shape: a request has more of them than of anything else.
  return requested.map((behavior, position) => {
    if (typeof behavior === 'string') return { itemId: behavior, occurredAt: undefined, type: undefined };
    const { itemId, occurredAt, type } = behavior;
    return {
      itemId,
      occurredAt: occurredAt === undefined ? undefined : readTime(occurredAt, `behaviors.${position}.occurredAt`, now),
      type,
    };
  });
}

/**
 * Gives behaviors without a time one: a millisecond apart, in their order, after everything else that is known. The clock
 * stays out of it, so that the same request has the same answer.
 */
function placeInTime(requested: readonly DatedOrNot[], after: number): readonly Behavior[] {
  let newest = requested.reduce((latest, { occurredAt = 0 }) => Math.max(latest, occurredAt), after);
  return requested.map(({ itemId, occurredAt = ++newest }) => ({ itemId, occurredAt }));
}

function readTime(value: string | number, field: string, now: number): number {
  const time = typeof value === 'number' ? value : Date.parse(value);
  if (Number.isNaN(time)) throw requestError(`${field} is not a moment of the calendar.`, { field });
  if (time > now + futureToleranceMs) {
    throw requestError(`${field} lies more than a day in the future.`, {
      field,
      remedy: 'Check the clock and the unit: RFC 3339 text, or epoch milliseconds.',
    });
  }
  return time;
}

/** The item ids that a request names as behaviors. */
export function requestedItemIds({ behaviors = [] }: AskingUserFields): string[] {
  return behaviors.map((behavior) => (typeof behavior === 'string' ? behavior : behavior.itemId));
}
