import { EventSchema, futureToleranceMs, IdentifierSchema, AttributesSchema } from '@facet/events';
import type { Attributes } from '@facet/features';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import { problemError } from '@facet/http';
import type { UserProfile } from '@facet/profiles';
import type { Behavior } from '@facet/recommendations';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { Loaded } from '../live/live-bundle.ts';

/** More are refused: no model reads as many, and each is work. */
const behaviorsMax = 10_000;

const { occurredAt } = EventSchema.properties;

const RequestedBehavior = Type.Union(
  [IdentifierSchema, Type.Object({ itemId: IdentifierSchema, occurredAt: Type.Optional(occurredAt) })],
  { description: 'An item that the user chose: its id, or the id with the time. Without a time: just now.' },
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
  attributes: Type.Optional(AttributesSchema),
};

export type AskingUserFields = Static<Type.TObject<typeof askingUserFields>>;

/** A user as the model reads one. */
export interface AskingUser {
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
  /** Whether a userId was given of which nothing is stored. */
  readonly isUnknown: boolean;
  /** Whether a userId was given and its profile could not be read. */
  readonly isProfileMissing: boolean;
}

/**
 * Joins what is stored of a user with what the request says. The request's attributes win.
 *
 * @param now the clock in epoch milliseconds; it only bounds the times of the request.
 * @throws AppError `REQUEST_INVALID` for a time that is no moment, or lies in the future.
 */
export async function readAskingUser(loaded: Loaded, fields: AskingUserFields, now: number): Promise<AskingUser> {
  const { userId } = fields;
  const reading = userId === undefined ? undefined : await loaded.profiles.read(userId);
  const profile = reading?.profile;
  const stored = profile === undefined ? [] : storedBehaviors(loaded, fields, profile);
  return {
    behaviors: joinBehaviors(loaded, stored, fields, now),
    attributes: { ...profile?.attributes, ...fields.attributes },
    isUnknown: reading?.isAvailable === true && profile === undefined,
    isProfileMissing: reading?.isAvailable === false,
  };
}

/** The stored positives as behaviors, by the rules that the bundle's model was trained with. */
function storedBehaviors(
  { bundle }: Loaded,
  { userId = '' }: AskingUserFields,
  { events }: UserProfile,
): readonly Behavior[] {
  const { positives, repeats, tieSeed } = bundle.info.interactions;
  const rules = { isPositive: parsePositiveRule(positives), repeats, tieSeed };
  return selectInteractions(
    events.map((event) => ({ ...event, userId })),
    rules,
  ).interactions.map(({ itemId, occurredAt }) => ({ itemId, occurredAt }));
}

/** One history of the stored and the requested behaviors, by the same rules as in training. */
function joinBehaviors(
  { bundle }: Loaded,
  stored: readonly Behavior[],
  { userId = '', behaviors: requested = [] }: AskingUserFields,
  now: number,
): readonly Behavior[] {
  if (requested.length === 0) return stored;
  const { asOf, interactions: settings } = bundle.info;
  const all = [...stored, ...placeInTime(requested, Math.max(asOf, stored.at(-1)?.occurredAt ?? 0), now)];
  const events = all.map((behavior, position) => ({
    ...behavior,
    userId,
    eventId: String(position),
    type: 'behavior',
  }));
  const { repeats, tieSeed } = settings;
  return selectInteractions(events, { isPositive: () => true, repeats, tieSeed }).interactions;
}

/**
 * Gives behaviors without a time one: a millisecond apart, in their order, after everything else that is known. The clock
 * stays out of it, so that the same request has the same answer.
 */
function placeInTime(
  requested: readonly Static<typeof RequestedBehavior>[],
  after: number,
  now: number,
): readonly Behavior[] {
  const times = requested.map((behavior, position) =>
    typeof behavior === 'string' || behavior.occurredAt === undefined
      ? undefined
      : readTime(behavior.occurredAt, `behaviors.${position}.occurredAt`, now),
  );
  let newest = times.reduce<number>((latest, time) => Math.max(latest, time ?? 0), after);
  return requested.map((behavior, position) => ({
    itemId: typeof behavior === 'string' ? behavior : behavior.itemId,
    occurredAt: times[position] ?? ++newest,
  }));
}

function readTime(value: string | number, field: string, now: number): number {
  const time = typeof value === 'number' ? value : Date.parse(value);
  if (Number.isNaN(time)) {
    throw problemError('REQUEST_INVALID', `${field} is not a moment of the calendar.`, { field });
  }
  if (time > now + futureToleranceMs) {
    throw problemError('REQUEST_INVALID', `${field} lies more than a day in the future.`, {
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
