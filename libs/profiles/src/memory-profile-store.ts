import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Attributes } from '@facet/schemas';
import { assembleProfile, assembleSessionProfile, erasedEvents } from './profile/assemble-profile.ts';
import type { StoredSession } from './profile/assemble-profile.ts';
import {
  decodeEvents,
  decodeIdentities,
  encodeEvent,
  groupByOwner,
  keepNewest,
  noSessionChanges,
  noUserChanges,
  ownPart,
  receivedAtOf,
} from './profile/owner-changes.ts';
import type { Entry, OwnerChanges, SessionChanges, UserChanges } from './profile/owner-changes.ts';
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

  const write = (changes: OwnerChanges, replacedBefore = 0): void => {
    const options = { eventsMax, replacedBefore };
    for (const [userId, change] of changes.users) {
      users.set(userId, changeUser(users.get(userId) ?? emptyUser, change, options));
    }
    for (const [sessionId, change] of changes.sessions) {
      sessions.set(sessionId, changeSession(sessions.get(sessionId) ?? emptySession, change, options));
    }
    for (const [userId, { erasedBefore }] of changes.users) {
      if (erasedBefore !== undefined) eraseFromSessions(userId, erasedBefore);
    }
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
      write(groupByOwner(changes));
    },

    async rebuild(owners, { receivedBefore }) {
      const goneUsers = new Set([...users].filter(([, user]) => !isUserEmpty(user)).map(([userId]) => userId));
      const goneSessions = new Set(sessions.keys());
      let replaced = 0;
      for await (const owner of owners) {
        const changes = ownPart(owner);
        write(changes, receivedBefore);
        for (const userId of changes.users.keys()) goneUsers.delete(userId);
        for (const sessionId of changes.sessions.keys()) goneSessions.delete(sessionId);
        replaced++;
      }
      write(
        {
          users: new Map([...goneUsers].map((userId) => [userId, noUserChanges()])),
          sessions: new Map([...goneSessions].map((sessionId) => [sessionId, noSessionChanges()])),
        },
        receivedBefore,
      );
      const emptied = [...goneUsers].filter((userId) => isUserEmpty(users.get(userId) ?? emptyUser));
      const endedSessions = [...goneSessions].filter((id) => isSessionEmpty(sessions.get(id) ?? emptySession));
      for (const sessionId of endedSessions) sessions.delete(sessionId);
      return { replaced, removed: emptied.length + endedSessions.length };
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

interface ChangeOptions {
  readonly eventsMax: number;
  /**
   * Removes what was received before this time, in epoch milliseconds, before applying the change; 0 removes nothing.
   */
  readonly replacedBefore: number;
}

/** Returns the state of a user after a change. Erased events are removed first, so that they do not displace others. */
function changeUser(state: UserState, change: UserChanges, options: ChangeOptions): UserState {
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

function changeSession(state: SessionState, change: SessionChanges, options: ChangeOptions): SessionState {
  const { eventsMax, replacedBefore } = options;
  return {
    events: keepNewest([...receivedSince(state.events, replacedBefore), ...change.events], eventsMax),
    identities: keepNewest([...receivedSince(state.identities, replacedBefore), ...change.identities], identitiesMax),
  };
}

/** Returns whether the user has nothing but an erasure mark. */
function isUserEmpty({ events, sessions, attributes }: UserState): boolean {
  return events.length === 0 && sessions.size === 0 && (attributes?.attributes ?? null) === null;
}

function isSessionEmpty({ events, identities }: SessionState): boolean {
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
