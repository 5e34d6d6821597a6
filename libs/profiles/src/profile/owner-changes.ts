import type { Attributes } from '@facet/schemas';
import { sessionIdOf } from './profile-store.ts';
import type { OwnedChanges, ProfileChange } from './profile-store.ts';
import { encodeEvent, encodeIdentity } from './stored-entry.ts';
import type { Entry } from './stored-entry.ts';

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
  return value === undefined ? new Map() : new Map([[key, value]]);
}

function entryOf<Value>(map: Map<string, Value>, key: string, create: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
