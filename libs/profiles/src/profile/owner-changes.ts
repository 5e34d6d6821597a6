import type { Attributes } from '@facet/schemas';
import { sessionIdOf } from './profile-store.ts';
import type { OwnedChanges, ProfileChange, ProfileEvent, UserProfile } from './profile-store.ts';

/** Changes of one user in a batch. */
export interface UserChanges {
  readonly events: Entry[];
  /** Sessions identified as the user, with the time when the last identify was received. */
  readonly sessions: Map<string, number>;
  attributes?: { readonly attributes: Attributes | null; readonly receivedAt: number };
  /** Erases events received until this time. */
  erasedBefore?: number;
}

/** Changes of one session in a batch. */
export interface SessionChanges {
  readonly events: Entry[];
  readonly identities: Entry[];
}

export interface OwnerChanges {
  readonly users: ReadonlyMap<string, UserChanges>;
  readonly sessions: ReadonlyMap<string, SessionChanges>;
}

export const noUserChanges = (): UserChanges => ({ events: [], sessions: new Map() });
export const noSessionChanges = (): SessionChanges => ({ events: [], identities: [] });

/** Groups a batch by user and session, so that each is written once. */
export function groupByOwner(changes: readonly ProfileChange[]): OwnerChanges {
  const users = new Map<string, UserChanges>();
  const sessions = new Map<string, SessionChanges>();
  const userOf = (userId: string): UserChanges => entryOf(users, userId, noUserChanges);
  const sessionOf = (sessionId: string): SessionChanges => entryOf(sessions, sessionId, noSessionChanges);
  for (const change of changes) {
    switch (change.kind) {
      case 'event': {
        const entry = encodeEvent({ ...change.event, receivedAt: change.receivedAt });
        if (change.userId !== undefined) userOf(change.userId).events.push(entry);
        else if (change.sessionId !== undefined) sessionOf(change.sessionId).events.push(entry);
        break;
      }
      case 'identify': {
        const { userId, sessionId, receivedAt } = change;
        const linked = userOf(userId).sessions;
        linked.set(sessionId, Math.max(receivedAt, linked.get(sessionId) ?? 0));
        sessionOf(sessionId).identities.push(encodeIdentity(change));
        break;
      }
      case 'attributes': {
        const user = userOf(change.userId);
        if (change.receivedAt >= (user.attributes?.receivedAt ?? 0)) user.attributes = change;
        break;
      }
      case 'erase': {
        const user = userOf(change.userId);
        user.erasedBefore = Math.max(change.before, user.erasedBefore ?? 0);
        break;
      }
    }
  }
  return { users, sessions };
}

/**
 * Returns the part of the changes that is stored with the owner. Of an identify, that is the user's half or the
 * session's.
 */
export function ownPart({ owner, changes }: OwnedChanges): OwnerChanges {
  const { users, sessions } = groupByOwner(changes);
  const sessionId = sessionIdOf(owner);
  return sessionId === undefined
    ? { users: only(users, owner), sessions: new Map() }
    : { users: new Map(), sessions: only(sessions, sessionId) };
}

function only<Value>(map: ReadonlyMap<string, Value>, key: string): Map<string, Value> {
  const value = map.get(key);
  return new Map(value === undefined ? [] : [[key, value]]);
}

function entryOf<Value>(map: Map<string, Value>, key: string, create: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}

/** A member of a trimmed set: JSON text, equal in memory and in Redis. Storing an equal text again changes nothing. */
export interface Entry {
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly text: string;
}

/** An interaction as stored. */
interface StoredEvent extends ProfileEvent {
  readonly receivedAt: number;
}

/** A stored identify: the session belongs to this user. */
interface StoredIdentity {
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

function encodeIdentity({ userId, receivedAt, occurredAt }: StoredIdentity): Entry {
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

/** Stored content of a user; events oldest to newest. */
export interface StoredUser {
  readonly events: readonly StoredEvent[];
  readonly attributes: Attributes | undefined;
  /** Events received until this time are erased. */
  readonly erasedBefore: number | undefined;
}

/** Stored content of a session; events and identities oldest to newest. */
export interface StoredSession {
  readonly events: readonly StoredEvent[];
  readonly identities: readonly StoredIdentity[];
}

/**
 * Returns the profile of a user: the user's events and those of sessions that belong to the user. The owner of a
 * session's events is determined at reading, so a late identify moves no events.
 */
export function assembleProfile(
  userId: string,
  user: StoredUser,
  sessions: readonly StoredSession[],
  eventsMax: number,
): UserProfile | undefined {
  const { attributes, erasedBefore = -1 } = user;
  const adopted = sessions.flatMap((session) => eventsOfUser(session, userId, erasedBefore));
  const kept = [...user.events, ...adopted].filter(({ receivedAt }) => receivedAt > erasedBefore);
  if (kept.length === 0 && attributes === undefined) return undefined;
  return { events: newestEvents(kept, eventsMax), attributes: attributes ?? {} };
}

/** Returns the profile of a session without identified users. After an identify, the events belong to users. */
export function assembleSessionProfile(session: StoredSession, eventsMax: number): UserProfile | undefined {
  if (session.identities.length > 0 || session.events.length === 0) return undefined;
  return { events: newestEvents(session.events, eventsMax), attributes: {} };
}

/** Returns the events of a session that an erasure removes: those of the user received until `erasedBefore`. */
export function erasedEvents(session: StoredSession, userId: string, erasedBefore: number): StoredEvent[] {
  return eventsOfUser(session, userId, -1).filter(({ receivedAt }) => receivedAt <= erasedBefore);
}

/** Returns the events of a session that belong to a user, ignoring identities that the user has had erased. */
function eventsOfUser({ events, identities }: StoredSession, userId: string, erasedBefore: number): StoredEvent[] {
  const counting = identities.filter((identity) => identity.userId !== userId || identity.receivedAt > erasedBefore);
  return events.filter((event) => ownerAt(counting, event.occurredAt) === userId);
}

/**
 * Returns the owner of an anonymous event, by the rule of the lake: the user of the next identify of its session, else
 * of the last one before it. Of two identifies at one time, the one received last counts.
 */
function ownerAt(identities: readonly StoredIdentity[], time: number): string | undefined {
  const moment = (identities.find(({ occurredAt }) => occurredAt >= time) ?? identities.at(-1))?.occurredAt;
  const [first, ...others] = identities.filter(({ occurredAt }) => occurredAt === moment);
  return others.reduce((last, identity) => (isReceivedAfter(identity, last!) ? identity : last), first)?.userId;
}

function isReceivedAfter(a: StoredIdentity, b: StoredIdentity): boolean {
  return a.receivedAt === b.receivedAt ? a.userId > b.userId : a.receivedAt > b.receivedAt;
}

/** Returns the newest events. Of events with one eventId, the one received first counts. */
function newestEvents(events: readonly StoredEvent[], eventsMax: number): ProfileEvent[] {
  const byId = new Map<string, StoredEvent>();
  for (const event of events) {
    const known = byId.get(event.eventId);
    if (known === undefined || isReceivedBefore(event, known)) byId.set(event.eventId, event);
  }
  return [...byId.values()].sort(compareEvents).slice(-eventsMax).map(withoutReceipt);
}

function withoutReceipt({ eventId, type, itemId, occurredAt, value }: StoredEvent): ProfileEvent {
  return { eventId, type, itemId, occurredAt, value };
}

function isReceivedBefore(a: StoredEvent, b: StoredEvent): boolean {
  return a.receivedAt === b.receivedAt ? encodeEvent(a).text < encodeEvent(b).text : a.receivedAt < b.receivedAt;
}

function compareEvents(a: StoredEvent, b: StoredEvent): number {
  return a.occurredAt - b.occurredAt || (a.eventId < b.eventId ? -1 : 1);
}
