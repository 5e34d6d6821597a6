import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Attributes } from '@facet/schemas';
import {
  assembleProfile,
  assembleSessionProfile,
  decodeEvents,
  decodeIdentities,
  encodeEvent,
  erasedEvents,
  groupByOwner,
  keepNewest,
  receivedAtOf,
} from './profile/owner-changes.ts';
import type { Entry, SessionChanges, StoredSession, UserChanges } from './profile/owner-changes.ts';
import { identitiesMax, sessionIdOf, sessionsMax } from './profile/profile-store.ts';
import type { ProfileStore } from './profile/profile-store.ts';

const idsPerTurn = 10_000;

interface MemoryProfileStoreOptions {
  /** Newest interactions kept per user; all by default. */
  readonly eventsMax?: number;
}

/** Creates a profile store in the memory of this process. Profiles do not expire. */
export function createMemoryProfileStore({ eventsMax = Infinity }: MemoryProfileStoreOptions = {}): ProfileStore {
  const users = new Map<string, UserState>();
  const sessions = new Map<string, SessionState>();

  const readSession = (sessionId: string): StoredSession => {
    const { events, identities } = sessions.get(sessionId) ?? emptySession;
    return {
      events: decodeEvents(events.map(({ text }) => text)),
      identities: decodeIdentities(identities.map(({ text }) => text)),
    };
  };

  const eraseFromSessions = (userId: string, erasedBefore: number): void => {
    const user = users.get(userId) ?? emptyUser;
    for (const sessionId of user.sessions.keys()) {
      const state = sessions.get(sessionId) ?? emptySession;
      const erased = new Set(
        erasedEvents(readSession(sessionId), userId, erasedBefore).map((event) => encodeEvent(event).text),
      );
      sessions.set(sessionId, { ...state, events: state.events.filter(({ text }) => !erased.has(text)) });
    }
    const links = [...user.sessions].filter(([, receivedAt]) => receivedAt > erasedBefore);
    users.set(userId, { ...user, sessions: new Map(links) });
  };

  return {
    async read(userId) {
      const sessionId = sessionIdOf(userId);
      if (sessionId !== undefined) return assembleSessionProfile(readSession(sessionId), eventsMax);
      const user = users.get(userId);
      if (user === undefined) return undefined;
      const stored = {
        events: decodeEvents(user.events.map(({ text }) => text)),
        attributes: user.attributes?.attributes ?? undefined,
        erasedBefore: user.erasedBefore,
      };
      return assembleProfile(userId, stored, [...user.sessions.keys()].map(readSession), eventsMax);
    },

    async apply(changes) {
      const grouped = groupByOwner(changes);
      for (const [userId, change] of grouped.users) {
        users.set(userId, changeUser(users.get(userId) ?? emptyUser, change, eventsMax));
      }
      for (const [sessionId, change] of grouped.sessions) {
        sessions.set(sessionId, changeSession(sessions.get(sessionId) ?? emptySession, change, eventsMax));
      }
      for (const [userId, { erasedBefore }] of grouped.users) {
        if (erasedBefore !== undefined) eraseFromSessions(userId, erasedBefore);
      }
    },

    async listUserIds(keysMax) {
      const userIds: string[] = [];
      let keys = 0;
      for (const [userId, user] of users) {
        if (keys++ === keysMax) return { userIds, isComplete: false };
        if (!isUserEmpty(user)) userIds.push(userId);
        // Millions of users delay no request.
        if (keys % idsPerTurn === 0) await yieldToEventLoop();
      }
      return { userIds, isComplete: true };
    },

    size: async () => [...users.values()].filter((user) => !isUserEmpty(user)).length,

    async clear() {
      users.clear();
      sessions.clear();
    },

    close: async () => undefined,
  };
}

/** Stored state of a user. */
interface UserState {
  readonly events: readonly Entry[];
  /** Sessions identified as the user, with the time when the last identify was received. */
  readonly sessions: ReadonlyMap<string, number>;
  readonly attributes: AttributesState | undefined;
  /** Events received until this time are erased; -1 without an erasure. */
  readonly erasedBefore: number;
}

interface AttributesState {
  readonly attributes: Attributes | null;
  readonly receivedAt: number;
}

/** Stored state of a session. */
interface SessionState {
  readonly events: readonly Entry[];
  readonly identities: readonly Entry[];
}

const emptyUser: UserState = { events: [], sessions: new Map(), attributes: undefined, erasedBefore: -1 };
const emptySession: SessionState = { events: [], identities: [] };

/** Returns the state of a user after a change. Erased events are removed first, so that they do not displace others. */
function changeUser(state: UserState, change: UserChanges, eventsMax: number): UserState {
  const erasedBefore = Math.max(state.erasedBefore, change.erasedBefore ?? -1);
  const all = [...state.events, ...change.events];
  const events = erasedBefore < 0 ? all : all.filter(({ text }) => receivedAtOf(text) > erasedBefore);
  return {
    events: keepNewest(events, eventsMax),
    sessions: linkSessions(state.sessions, change.sessions),
    attributes: chooseAttributes(state.attributes, change.attributes, erasedBefore),
    erasedBefore,
  };
}

function changeSession(state: SessionState, change: SessionChanges, eventsMax: number): SessionState {
  return {
    events: keepNewest([...state.events, ...change.events], eventsMax),
    identities: keepNewest([...state.identities, ...change.identities], identitiesMax),
  };
}

/** Returns whether the user has nothing but an erasure mark. */
function isUserEmpty({ events, sessions, attributes }: UserState): boolean {
  return events.length === 0 && sessions.size === 0 && (attributes?.attributes ?? null) === null;
}

function linkSessions(
  known: ReadonlyMap<string, number>,
  added: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const links = new Map(known);
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
  erasedBefore: number,
): AttributesState | undefined {
  const newest = given !== undefined && given.receivedAt >= (known?.receivedAt ?? 0) ? given : known;
  return newest !== undefined && newest.receivedAt > erasedBefore ? newest : undefined;
}
