import type { Attributes } from '@facet/schemas';
import { sessionIdOf } from './profile-store.ts';
import type { OwnedChanges, ProfileChange } from './profile-store.ts';
import { encodeEvent, encodeIdentity } from './stored-entry.ts';
import type { Entry } from './stored-entry.ts';

/** What a batch changes in one user. */
export interface UserChanges {
  readonly events: Entry[];
  /** Sessions that were identified as the user, each with when that was last received. */
  readonly sessions: Map<string, number>;
  attributes?: { readonly attributes: Attributes | null; readonly receivedAt: number };
  /** What was received until then is to be forgotten. */
  erasedBefore?: number;
}

/** What a batch changes in one session. */
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

/** Sorts a batch by what it touches, so that each user and each session is written once. */
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

/** The part of an owner's changes that is the owner's own: of an identify, the half of the user or that of the session. */
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
