import type { Attributes } from '@facet/schemas';
import { keepNewest, receivedAtOf } from './entry.ts';
import type { Entry } from './entry.ts';
import { identitiesMax, sessionsMax } from './limits.ts';
import type { SessionChanges, UserChanges } from './owner-changes.ts';

/** What the memory holds of a user. */
export interface UserState {
  readonly events: readonly Entry[];
  /** Sessions that were identified as the user, each with when that was last received. */
  readonly sessions: ReadonlyMap<string, number>;
  readonly attributes: AttributesState | undefined;
  /** What was received until then is forgotten; -1 when nothing is. */
  readonly erasedBefore: number;
}

interface AttributesState {
  readonly attributes: Attributes | null;
  readonly receivedAt: number;
}

/** What the memory holds of a session. */
export interface SessionState {
  readonly events: readonly Entry[];
  readonly identities: readonly Entry[];
}

export const emptyUser: UserState = { events: [], sessions: new Map(), attributes: undefined, erasedBefore: -1 };
export const emptySession: SessionState = { events: [], identities: [] };

export interface ChangeOptions {
  readonly eventsMax: number;
  /** What was received before it goes before the change is made. */
  readonly replacedBefore: number;
}

/** The state after a change. Erased events go before the newest are chosen: they must not take the places of others. */
export function changeUser(state: UserState, change: UserChanges, options: ChangeOptions): UserState {
  const { eventsMax, replacedBefore } = options;
  const erasedBefore = Math.max(state.erasedBefore, change.erasedBefore ?? -1);
  const events = [...receivedSince(state.events, replacedBefore), ...change.events];
  return {
    events: keepNewest(receivedSince(events, erasedBefore + 1), eventsMax),
    sessions: linkSessions(state.sessions, change.sessions, replacedBefore),
    attributes: chooseAttributes(state.attributes, change.attributes, replacedBefore, erasedBefore),
    erasedBefore,
  };
}

export function changeSession(state: SessionState, change: SessionChanges, options: ChangeOptions): SessionState {
  const { eventsMax, replacedBefore } = options;
  return {
    events: keepNewest([...receivedSince(state.events, replacedBefore), ...change.events], eventsMax),
    identities: keepNewest([...receivedSince(state.identities, replacedBefore), ...change.identities], identitiesMax),
  };
}

/** Whether anything but the mark of an erasure is there. */
export function isUserEmpty({ events, sessions, attributes }: UserState): boolean {
  return events.length === 0 && sessions.size === 0 && attributes === undefined;
}

export function isSessionEmpty({ events, identities }: SessionState): boolean {
  return events.length === 0 && identities.length === 0;
}

function receivedSince(entries: readonly Entry[], from: number): readonly Entry[] {
  return from <= 0 ? entries : entries.filter(({ text }) => receivedAtOf(text) >= from);
}

function linkSessions(
  known: ReadonlyMap<string, number>,
  added: ReadonlyMap<string, number>,
  replacedBefore: number,
): ReadonlyMap<string, number> {
  const links = new Map([...known].filter(([, receivedAt]) => receivedAt >= replacedBefore));
  for (const [sessionId, receivedAt] of added) {
    links.set(sessionId, Math.max(receivedAt, links.get(sessionId) ?? 0));
  }
  if (links.size <= sessionsMax) return links;
  const newestFirst = [...links].sort(([a, at], [b, bt]) => bt - at || (a < b ? 1 : -1));
  return new Map(newestFirst.slice(0, sessionsMax));
}

function chooseAttributes(
  known: AttributesState | undefined,
  given: AttributesState | undefined,
  replacedBefore: number,
  erasedBefore: number,
): AttributesState | undefined {
  const kept = known !== undefined && known.receivedAt >= replacedBefore ? known : undefined;
  const newest = given !== undefined && given.receivedAt >= (kept?.receivedAt ?? 0) ? given : kept;
  return newest !== undefined && newest.receivedAt > erasedBefore ? newest : undefined;
}
