import type { ProfileEvent } from './profile-store.ts';

/** A member of a trimmed set: JSON text, equal in memory and in Redis. Storing an equal text again changes nothing. */
export interface Entry {
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly text: string;
}

/** An interaction as stored. */
export interface StoredEvent extends ProfileEvent {
  readonly receivedAt: number;
}

/** A stored identify: the session belongs to this user. */
export interface StoredIdentity {
  readonly userId: string;
  readonly receivedAt: number;
  readonly occurredAt: number;
}

/**
 * Encodes an event. The text begins with the eventId, which orders events of one time; `receivedAt` is second in every
 * entry.
 */
export function encodeEvent({ eventId, receivedAt, occurredAt, type, itemId, value }: StoredEvent): Entry {
  const fields = [eventId, receivedAt, occurredAt, type, itemId, ...(value === undefined ? [] : [value])];
  return { occurredAt, text: asciiJson(fields) };
}

export function decodeEvents(texts: readonly string[]): StoredEvent[] {
  return decode<[string, number, number, string, string, number?]>(texts).map(
    ([eventId, receivedAt, occurredAt, type, itemId, value]) => ({
      eventId,
      receivedAt,
      occurredAt,
      type,
      itemId,
      value,
    }),
  );
}

export function encodeIdentity({ userId, receivedAt, occurredAt }: StoredIdentity): Entry {
  return { occurredAt, text: asciiJson([userId, receivedAt, occurredAt]) };
}

export function decodeIdentities(texts: readonly string[]): StoredIdentity[] {
  return decode<[string, number, number]>(texts).map(([userId, receivedAt, occurredAt]) => ({
    userId,
    receivedAt,
    occurredAt,
  }));
}

/** Returns when the change of an entry was received, in epoch milliseconds. */
export function receivedAtOf(text: string): number {
  return (JSON.parse(text) as [string, number])[1];
}

/** Orders by time, then by text: the order of a Redis sorted set, because all texts are ASCII. */
function compareEntries(a: Entry, b: Entry): number {
  return a.occurredAt - b.occurredAt || (a.text < b.text ? -1 : Number(a.text > b.text));
}

/** Returns the newest distinct entries, oldest to newest. */
export function keepNewest(entries: readonly Entry[], count: number): Entry[] {
  return [...entries]
    .sort(compareEntries)
    .filter(({ text }, position, sorted) => text !== sorted[position - 1]?.text)
    .slice(-count);
}

/** Serializes to ASCII JSON. JavaScript orders non-ASCII text by UTF-16 units, Redis by UTF-8 bytes. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function decode<Fields>(texts: readonly string[]): Fields[] {
  return JSON.parse(`[${texts.join(',')}]`) as Fields[];
}
