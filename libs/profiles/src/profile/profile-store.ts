import { sessionUserPrefix } from '@facet/schemas';
import type { Attributes } from '@facet/schemas';

/** An interaction event. Times are epoch milliseconds. */
export interface ProfileEvent {
  readonly eventId: string;
  readonly type: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly value?: number | undefined;
}

/** What is stored of a person: the newest interactions, oldest to newest, and the attributes. */
export interface UserProfile {
  readonly events: readonly ProfileEvent[];
  readonly attributes: Attributes;
}

/** Default number of interactions kept per user: several times the longest behavior sequence of a model. */
export const eventsMaxDefault = 500;

/** Reads of this user show an outage of the store. No user has this id. */
export const probeUserId = 'facet-probe';

/** Sessions remembered per user, the most recently identified first. Each costs two commands when a profile is read. */
export const sessionsMax = 100;

/** Identities remembered per session. A client that identifies on every page sends more. */
export const identitiesMax = 100;

/** Returns the sessionId of an owner `session:<sessionId>`; undefined for a user. */
export function sessionIdOf(owner: string): string | undefined {
  return owner.startsWith(sessionUserPrefix) ? owner.slice(sessionUserPrefix.length) : undefined;
}

/**
 * One change of a profile. `receivedAt` is the timestamp of the record in the event log, so a replay makes an equal
 * change.
 */
export type ProfileChange =
  /** An interaction of a user, or of an anonymous session if `sessionId` is set instead of `userId`. */
  | {
      readonly kind: 'event';
      readonly userId?: string | undefined;
      readonly sessionId?: string | undefined;
      readonly receivedAt: number;
      readonly event: ProfileEvent;
    }
  /** The session belongs to this user. */
  | {
      readonly kind: 'identify';
      readonly userId: string;
      readonly sessionId: string;
      readonly occurredAt: number;
      readonly receivedAt: number;
    }
  /** All attributes of a user; null removes them. The newest `receivedAt` wins; of equal ones, the last applied. */
  | {
      readonly kind: 'attributes';
      readonly userId: string;
      readonly attributes: Attributes | null;
      readonly receivedAt: number;
    }
  /** Erases and from then on refuses everything received of a user until `before`, inclusive. */
  | { readonly kind: 'erase'; readonly userId: string; readonly before: number };

/**
 * Recent interactions and attributes of users.
 *
 * A profile follows from the set of its changes; order, repetition and batching make no difference. docs/profiles.md
 * states this law and its limits. A caller that does not know whether a batch was applied applies it again.
 */
export interface ProfileStore {
  /**
   * Returns the profile of a user, or of the anonymous session `session:<sessionId>`; undefined if nothing is stored.
   */
  read(userId: string): Promise<UserProfile | undefined>;
  /** Stores changes. After an error some may be stored: apply all of them again. */
  apply(changes: readonly ProfileChange[]): Promise<void>;
  /**
   * Returns distinct ids of users with stored content, in no particular order. Anonymous sessions are left out. The cost is bounded: of a
   * larger store, returns the ids that it finds in the first `keysMax` keys.
   */
  listUserIds(keysMax: number): Promise<{ readonly userIds: readonly string[]; readonly isComplete: boolean }>;
  /** Counts the users with stored content, by iterating over all users. For reports and tests. */
  size(): Promise<number>;
  /** Removes everything, including erasure marks. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** All changes of one user or session. An identify occurs with both; each owner stores its half. */
export interface OwnedChanges {
  /** A userId, or `session:<sessionId>`. */
  readonly owner: string;
  readonly changes: readonly ProfileChange[];
}

export interface RebuildResult {
  /** Users and anonymous sessions written. */
  readonly replaced: number;
  /** Users and anonymous sessions removed because the new content does not include them. */
  readonly removed: number;
}
