import { assembleProfile, assembleSessionProfile, erasedEvents } from './assemble-profile.ts';
import type { StoredSession } from './assemble-profile.ts';
import { decodeEvents, decodeIdentities, encodeEvent } from './entry.ts';
import { changeSession, changeUser, emptySession, emptyUser, isSessionEmpty, isUserEmpty } from './memory-state.ts';
import type { SessionState, UserState } from './memory-state.ts';
import { groupByOwner, noSessionChanges, noUserChanges, ownPart } from './owner-changes.ts';
import type { OwnerChanges } from './owner-changes.ts';
import type { ProfileStore } from './profile-store.ts';
import { sessionIdOf } from './session-owner.ts';

export interface MemoryProfileStoreOptions {
  /** Positives kept of a user; all of them unless told otherwise. */
  readonly eventsMax?: number;
}

/** Profiles in the memory of this process. Nothing expires. */
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

    size: async () => [...users.values()].filter((user) => !isUserEmpty(user)).length,

    async clear() {
      users.clear();
      sessions.clear();
    },

    close: async () => undefined,
  };
}
