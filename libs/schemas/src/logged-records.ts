import { epochMsMax } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { parseEvent } from './event.ts';
import type { Event } from './event.ts';
import { refuseIdentifier } from './identifier.ts';
import { parseItem, parseUser } from './item-and-user.ts';
import type { Item, User } from './item-and-user.ts';
import { isPlainObject, decodeJson, refuse } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/**
 * Parses the value of a record of the event topic. Any producer may write to the topic, so the value may be anything.
 *
 * @param timestampMs the record's timestamp. It becomes `receivedAt`, so a second read gives the same event.
 */
export function parseLoggedEvent(
  value: Uint8Array | null,
  timestampMs: number,
  types: readonly string[] = [],
): { ok: true; event: Event } | Refusal {
  const json = decodeJson(value);
  if (!json.ok) return json;
  // Producers may write any number as the timestamp.
  if (!(timestampMs >= 0 && timestampMs <= epochMsMax)) return refuse('', 'time-out-of-range');
  return parseEvent(json.value, { now: timestampMs, types });
}

/** Parses a record of the item topic. The key is the item's id. A record without a value removes the item. */
export function parseLoggedItem(
  key: string | null,
  value: Uint8Array | null,
): { ok: true; itemId: string; item: Item | undefined } | Refusal {
  if (key === null) return refuse('itemId', 'missing');
  if (value === null) return { ok: true, itemId: key, item: undefined };
  const json = decodeJson(value);
  if (!json.ok) return json;
  const parsed = parseItem(json.value);
  if (!parsed.ok) return parsed;
  return parsed.item.itemId === key ? { ...parsed, itemId: key } : refuse('itemId', 'key-differs');
}

/** Parses a record of the user topic. The key is the user's id. A record without a value removes the user. */
export function parseLoggedUser(
  key: string | null,
  value: Uint8Array | null,
): { ok: true; userId: string; user: User | undefined } | Refusal {
  if (key === null) return refuse('userId', 'missing');
  if (value === null) return { ok: true, userId: key, user: undefined };
  const json = decodeJson(value);
  if (!json.ok) return json;
  const parsed = parseUser(json.value);
  if (!parsed.ok) return parsed;
  return parsed.user.userId === key ? { ...parsed, userId: key } : refuse('userId', 'key-differs');
}

/** A request to erase everything received of a user until `requestedAt`: a record of the erasure topic. */
export interface ErasureRequest {
  readonly erasureId: string;
  readonly userId: string;
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  /** The name of the API key or the person that made the request. */
  readonly requestedBy: string;
}

/** Returns the value of a record of the erasure topic. The record's key is the user's id. */
export function serializeErasure({ erasureId, userId, requestedAt, requestedBy }: ErasureRequest): string {
  return JSON.stringify({ erasureId, userId, requestedAt, requestedBy });
}

/** Parses the value of a record of the erasure topic. */
export function parseLoggedErasure(value: Uint8Array | null): { ok: true; erasure: ErasureRequest } | Refusal {
  const json = decodeJson(value);
  if (!json.ok) return json;
  if (!isPlainObject(json.value)) return refuse('', 'not-an-object');
  const { erasureId, userId, requestedAt, requestedBy } = json.value;
  for (const [field, id] of Object.entries({ erasureId, userId, requestedBy })) {
    const problem = refuseIdentifier(id);
    if (problem !== undefined) return refuse(field, problem);
  }
  if (!Number.isSafeInteger(requestedAt)) return refuse('requestedAt', 'not-a-time');
  return { ok: true, erasure: { erasureId, userId, requestedAt, requestedBy } as ErasureRequest };
}

/** What ingest did with a record. */
export const IntakeOutcome = Type.Enum(['accepted', 'duplicate', 'refused']);

/** How many events of one producer ingest accepted or refused on one day. */
export const IntakeCount = Type.Object({
  /** UTC day of receipt, `YYYY-MM-DD`. */
  day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
  /** The name of an API key, or `topic:<topic>`. */
  producer: Type.String(),
  outcome: IntakeOutcome,
  /** Empty unless refused. */
  field: Type.String(),
  reason: Type.String(),
  count: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
export type IntakeCount = Readonly<Static<typeof IntakeCount>>;

/** Adds up the counts of the same day, producer, outcome, field and reason. */
export function sumIntake(counts: Iterable<IntakeCount>): IntakeCount[] {
  const sums = new Map<string, IntakeCount>();
  for (const added of counts) {
    const { day, producer, outcome, field, reason } = added;
    const kind = [day, producer, outcome, field, reason].join('\n');
    sums.set(kind, { ...added, count: added.count + (sums.get(kind)?.count ?? 0) });
  }
  return [...sums.values()];
}

const IntakeCounts = Compile(Type.Array(IntakeCount));

/** Returns the value of a record of the intake topic: the counts since the previous record. */
export function serializeIntake(counts: readonly IntakeCount[]): string {
  return JSON.stringify(counts);
}

/** Parses the value of a record of the intake topic. */
export function parseLoggedIntake(value: Uint8Array | null): { ok: true; counts: readonly IntakeCount[] } | Refusal {
  const json = decodeJson(value);
  if (!json.ok) return json;
  return IntakeCounts.Check(json.value) ? { ok: true, counts: json.value } : refuse('', 'not-an-object');
}
