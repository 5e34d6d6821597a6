import type { Attributes } from '@facet/schemas';
import type { ProfileEvent, UserProfile } from './profile-store.ts';
import { encodeEvent } from './owner-changes.ts';
import type { StoredEvent, StoredIdentity } from './owner-changes.ts';

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
