import type { Attributes } from '@facet/schemas';
import type { ProfileEvent, UserProfile } from './profile-store.ts';
import { encodeEvent } from './stored-entry.ts';
import type { StoredEvent, StoredIdentity } from './stored-entry.ts';

/** What is stored of a user; events oldest to newest. */
export interface StoredUser {
  readonly events: readonly StoredEvent[];
  readonly attributes: Attributes | undefined;
  /** What was received until then is forgotten. */
  readonly erasedBefore: number | undefined;
}

/** What is stored of a session; both oldest to newest. */
export interface StoredSession {
  readonly events: readonly StoredEvent[];
  readonly identities: readonly StoredIdentity[];
}

/**
 * The profile of a user: the own events, and those of the sessions that belong to the user by the rule of the lake. It is
 * decided at reading, so that no identify, however late, needs events to be moved between users.
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

/** The profile of a session that nobody was identified in. Its events are somebody's as soon as one was. */
export function assembleSessionProfile(session: StoredSession, eventsMax: number): UserProfile | undefined {
  if (session.identities.length > 0 || session.events.length === 0) return undefined;
  return { events: newestEvents(session.events, eventsMax), attributes: {} };
}

/** The events of a session that an erasure is about: those of the user that were received until then. */
export function erasedEvents(session: StoredSession, userId: string, erasedBefore: number): StoredEvent[] {
  return eventsOfUser(session, userId, -1).filter(({ receivedAt }) => receivedAt <= erasedBefore);
}

/** The events of a session that belong to a user. Identities that the user has had erased do not count for the user. */
function eventsOfUser({ events, identities }: StoredSession, userId: string, erasedBefore: number): StoredEvent[] {
  const counting = identities.filter((identity) => identity.userId !== userId || identity.receivedAt > erasedBefore);
  return events.filter((event) => ownerAt(counting, event.occurredAt) === userId);
}

/**
 * Whose an anonymous event is: of the next identify of its session, else of the last before it. Of two at one moment the
 * one received last counts. As the lake has it.
 */
function ownerAt(identities: readonly StoredIdentity[], time: number): string | undefined {
  const moment = (identities.find(({ occurredAt }) => occurredAt >= time) ?? identities.at(-1))?.occurredAt;
  const [first, ...others] = identities.filter(({ occurredAt }) => occurredAt === moment);
  return others.reduce((last, identity) => (isReceivedAfter(identity, last!) ? identity : last), first)?.userId;
}

function isReceivedAfter(a: StoredIdentity, b: StoredIdentity): boolean {
  return a.receivedAt === b.receivedAt ? a.userId > b.userId : a.receivedAt > b.receivedAt;
}

/** An eventId counts once, as it was received first. */
function newestEvents(events: readonly StoredEvent[], eventsMax: number): ProfileEvent[] {
  const byId = new Map<string, StoredEvent>();
  for (const event of events) {
    const known = byId.get(event.eventId);
    if (known === undefined || isReceivedBefore(event, known)) byId.set(event.eventId, event);
  }
  return [...byId.values()].sort(compareEvents).slice(-eventsMax).map(withoutReceipt);
}

function withoutReceipt({ eventId, type, itemId, occurredAt, value }: StoredEvent): ProfileEvent {
  return value === undefined ? { eventId, type, itemId, occurredAt } : { eventId, type, itemId, occurredAt, value };
}

function isReceivedBefore(a: StoredEvent, b: StoredEvent): boolean {
  return a.receivedAt === b.receivedAt ? encodeEvent(a).text < encodeEvent(b).text : a.receivedAt < b.receivedAt;
}

function compareEvents(a: StoredEvent, b: StoredEvent): number {
  return a.occurredAt - b.occurredAt || (a.eventId < b.eventId ? -1 : 1);
}
