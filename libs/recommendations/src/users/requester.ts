import type { BundleView } from '@facet/bundles';
import { parsePositiveRule, selectInteractions } from '@facet/features';
import type { Attributes } from '@facet/features';
import { AppError, recordOf, dayMs } from '@facet/platform';
import type { UserProfile } from '@facet/profiles';
import { interestsMax } from '@facet/retrieval';
import { AttributeValueSchema, EventSchema, futureToleranceMs, IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { ResponseContext } from '../context.ts';
import { requestError } from '../request-fields.ts';
import type { ExcludeSeen, SeenRule } from '../request-fields.ts';
import type { ResponseSource } from '../response.ts';
import type { Behavior } from './inferred-user.ts';

/** Bounds the work of one request. No model reads this many behaviors. */
const behaviorsMax = 10_000;

const { occurredAt, type } = EventSchema.properties;

const RequestedBehavior = Type.Union(
  [
    IdentifierSchema,
    Type.Object({
      itemId: IdentifierSchema,
      occurredAt: Type.Optional({
        ...occurredAt,
        description: "RFC 3339 text, or epoch milliseconds. At most a day ahead of the server's clock.",
      }),
      type: Type.Optional(type),
    }),
  ],
  {
    title: 'RequestedBehavior',
    description:
      'An item id, or an item id with time and event type. Without a time, the behavior is the newest, at the time of the request.',
  },
);

/** The body fields that identify and describe the user. */
export const requesterFields = {
  userId: Type.Optional(IdentifierSchema),
  behaviors: Type.Optional(
    Type.Array(RequestedBehavior, {
      maxItems: behaviorsMax,
      description: 'Items that the user chose, oldest first. With a userId, they are added to the stored behaviors.',
    }),
  ),
  ignore: Type.Optional(
    Type.Array(IdentifierSchema, {
      maxItems: behaviorsMax,
      description: 'Items whose stored events are ignored, as if the user had never chosen them.',
    }),
  ),
  profile: Type.Optional(
    recordOf(AttributeValueSchema, {
      description: 'Attributes of the user, by name. They override the stored attributes.',
    }),
  ),
};

type RequesterFields = Static<Type.TObject<typeof requesterFields>>;

/** The body field that overrides K'u. */
export const interestCountField = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: interestsMax,
    description: "K'u: how many interests to infer, at most those of the model. Default: by the number of behaviors.",
  }),
);

/** The user of a request, in the form that the model reads. */
export interface Requester {
  readonly userId: string | undefined;
  /** Selected by the interaction rules of the bundle. */
  readonly behaviors: readonly Behavior[];
  /** All known events, before these rules. Requested behaviors without a time have the time of the request. */
  readonly events: readonly UserEvent[];
  readonly attributes: Attributes;
  /** The time of the request, epoch milliseconds. */
  readonly now: number;
  /** Whether the request has a userId for which nothing is stored. */
  readonly isUnknown: boolean;
  /** Whether the request has a userId whose profile could not be read. */
  readonly isProfileMissing: boolean;
}

/** Returns a user from the stored profile. @throws AppError `PROFILES_UNREACHABLE` if the profile store does not respond. */
export async function readStoredUser(
  userId: string,
  { bundle, readProfile, now }: Pick<ResponseContext, 'bundle' | 'readProfile' | 'now'>,
): Promise<Requester> {
  const requester = await readRequester({ userId }, { bundle, readProfile, now });
  if (requester.isProfileMissing) throw profilesUnreachable();
  return requester;
}

export function profilesUnreachable(): AppError {
  return new AppError('The profile store does not respond.', {
    code: 'PROFILES_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Repeat the request. If it keeps failing, check Redis.',
    retryable: true,
  });
}

/**
 * Joins the stored profile of a user with the fields of the request. Attributes of the request win. `now` bounds the times of
 * the request, and dates its behaviors without a time.
 *
 * @throws AppError `REQUEST_INVALID` for a time that does not exist or lies in the future.
 */
export async function readRequester(
  fields: RequesterFields,
  { bundle, readProfile, now }: Pick<ResponseContext, 'bundle' | 'readProfile' | 'now'>,
): Promise<Requester> {
  const { userId } = fields;
  const reading = userId === undefined ? undefined : await readProfile(userId);
  const profile = withoutItems(reading?.profile, fields.ignore);
  const stored = profile === undefined ? [] : selectBehaviors(bundle, fields, profile);
  const newest = Math.max(now, stored.at(-1)?.occurredAt ?? 0);
  const requested = readRequested(fields.behaviors ?? [], now);
  return {
    userId,
    behaviors: joinBehaviors(bundle, stored, assignMissingTimes(requested, newest), userId),
    events: [
      ...(profile?.events ?? []),
      ...requested.map(({ itemId, occurredAt = now, type }) => ({ itemId, occurredAt, type })),
    ],
    attributes: { ...profile?.attributes, ...fields.profile },
    now,
    isUnknown: reading?.isAvailable === true && profile === undefined,
    isProfileMissing: reading?.isAvailable === false,
  };
}

/** Removes the events with some items. An unknown user stays unknown. */
function withoutItems(profile: UserProfile | undefined, itemIds: readonly string[] = []): UserProfile | undefined {
  if (profile === undefined || itemIds.length === 0) return profile;
  const ignored = new Set(itemIds);
  return { ...profile, events: profile.events.filter(({ itemId }) => !ignored.has(itemId)) };
}

/** Selects the interactions among stored events, by the rules that the model was trained with. */
function selectBehaviors(
  { info }: BundleView,
  { userId = '' }: RequesterFields,
  { events }: UserProfile,
): readonly Behavior[] {
  const { positives, repeats, tieSeed } = info.interactions;
  const rules = { isPositive: parsePositiveRule(positives), repeats, tieSeed };
  return selectInteractions(
    events.map((event) => ({ ...event, userId })),
    rules,
  ).interactions.map(({ itemId, occurredAt }) => ({ itemId, occurredAt }));
}

/** Joins stored and requested behaviors into one sequence, by the same rules as in training. */
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

/** A requested behavior. Its time may be unknown. */
type UndatedEvent = Omit<UserEvent, 'occurredAt'> & { readonly occurredAt: number | undefined };

function readRequested(requested: readonly Static<typeof RequestedBehavior>[], now: number): readonly UndatedEvent[] {
  // All objects have the same shape, for the speed of the loops over them.
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

/** Dates behaviors without a time: one millisecond apart, in their order, after every known time. */
function assignMissingTimes(requested: readonly UndatedEvent[], after: number): readonly Behavior[] {
  let newest = requested.reduce((latest, { occurredAt = 0 }) => Math.max(latest, occurredAt), after);
  return requested.map(({ itemId, occurredAt = ++newest }) => ({ itemId, occurredAt }));
}

function readTime(value: string | number, field: string, now: number): number {
  const time = typeof value === 'number' ? value : Date.parse(value);
  if (Number.isNaN(time)) throw requestError(`${field} is not a valid time.`, { field });
  if (time > now + futureToleranceMs) {
    throw requestError(`${field} is more than a day in the future.`, {
      field,
      remedy: 'Check the clock and the unit: send RFC 3339 text or epoch milliseconds.',
    });
  }
  return time;
}

/** Lists the item ids of the behaviors in a request. */
export function listRequestedItems({ behaviors = [] }: RequesterFields): string[] {
  return behaviors.map((behavior) => (typeof behavior === 'string' ? behavior : behavior.itemId));
}

/** Replaces the reason of a source by a more specific one: the profile is unavailable, or the user is unknown. */
export function refineSource({ isProfileMissing, isUnknown }: Requester, source: ResponseSource): ResponseSource {
  if (isProfileMissing) return { ...source, reason: 'profiles_unavailable' };
  if (source.kind === 'popular' && source.reason === 'no_behaviors' && isUnknown) {
    return { ...source, reason: 'unknown_user' };
  }
  return source;
}

/** An event of a user. Behaviors of a request may lack the type. */
interface UserEvent {
  readonly itemId: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly type?: string | undefined;
}

/**
 * Returns the seen items that the rule excludes. An event without a type matches every type.
 *
 * @param now epoch milliseconds
 */
export function findSeenItems(events: readonly UserEvent[], rule: ExcludeSeen, now: number): ReadonlySet<string> {
  if (rule === false) return new Set();
  const { types, withinDays = Infinity }: Static<typeof SeenRule> = rule === true ? {} : rule;
  const matches = ({ type, occurredAt }: UserEvent): boolean =>
    (types === undefined || type === undefined || types.includes(type)) && occurredAt >= now - withinDays * dayMs;
  return new Set(events.filter(matches).map(({ itemId }) => itemId));
}
