import { epochMsMax, parseEvent } from './event.ts';
import type { Event } from './event.ts';
import { parseItem } from './item.ts';
import type { Item } from './item.ts';
import { parseJson } from './parse-json.ts';
import { refuse } from './parse-result.ts';
import type { Refusal } from './parse-result.ts';
import { parseUser } from './user.ts';
import type { User } from './user.ts';

/**
 * Parses the value of a record of the event log. `timestampMs` is the record's own time and becomes `receivedAt`, so that
 * reading the log again gives the same event. Events of any producer come through here: the value may be anything.
 */
export function parseLogged(
  value: Uint8Array | null,
  timestampMs: number,
  types: readonly string[] = [],
): { ok: true; event: Event } | Refusal {
  const json = parseJson(value);
  if (!json.ok) return json;
  // A producer may write any number as the time of its record.
  if (!(timestampMs >= 0 && timestampMs <= epochMsMax)) return refuse('', 'time-out-of-range');
  return parseEvent(json.value, { now: timestampMs, types });
}

/** Parses a record of the item topic, whose key is the item's id; without a value it says that the item is removed. */
export function parseLoggedItem(
  key: string | null,
  value: Uint8Array | null,
): { ok: true; itemId: string; item: Item | undefined } | Refusal {
  if (key === null) return refuse('itemId', 'missing');
  if (value === null) return { ok: true, itemId: key, item: undefined };
  const json = parseJson(value);
  if (!json.ok) return json;
  const parsed = parseItem(json.value);
  if (!parsed.ok) return parsed;
  return parsed.item.itemId === key ? { ...parsed, itemId: key } : refuse('itemId', 'key-differs');
}

/** Parses a record of the user topic, whose key is the user's id; without a value it says that the user is removed. */
export function parseLoggedUser(
  key: string | null,
  value: Uint8Array | null,
): { ok: true; userId: string; user: User | undefined } | Refusal {
  if (key === null) return refuse('userId', 'missing');
  if (value === null) return { ok: true, userId: key, user: undefined };
  const json = parseJson(value);
  if (!json.ok) return json;
  const parsed = parseUser(json.value);
  if (!parsed.ok) return parsed;
  return parsed.user.userId === key ? { ...parsed, userId: key } : refuse('userId', 'key-differs');
}
