import { sessionUserPrefix } from '@facet/schemas';
import type { Attributes } from '@facet/schemas';

/** A positive event: something that a person chose. Times are epoch milliseconds. */
export interface ProfileEvent {
  readonly eventId: string;
  readonly type: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly value?: number;
}

/** What is known of a person: the newest positives, oldest to newest, and the attributes. */
export interface UserProfile {
  readonly events: readonly ProfileEvent[];
  readonly attributes: Attributes;
}

/** Positives kept of a user unless told otherwise: several times what the longest sequence of a model reads. */
export const eventsMaxDefault = 500;

/** Sessions that a user is looked for in, those last identified first: each costs two commands when a profile is read. */
export const sessionsMax = 100;

/** Logins that a session remembers. More come from a client that identifies on every page. */
export const identitiesMax = 100;

/** The session that an owner's id stands for; undefined for a user. */
export function sessionIdOf(owner: string): string | undefined {
  return owner.startsWith(sessionUserPrefix) ? owner.slice(sessionUserPrefix.length) : undefined;
}

/**
 * One change. `receivedAt` is when Facet took it in: the timestamp of the log record that it came from, so that a replay
 * is the same change.
 */
export type ProfileChange =
  /** A positive of a user, or of an anonymous person: then `sessionId` is given instead of `userId`. */
  | {
      readonly kind: 'event';
      readonly userId?: string | undefined;
      readonly sessionId?: string | undefined;
      readonly receivedAt: number;
      readonly event: ProfileEvent;
    }
  /** The person of the session turned out to be this user. */
  | {
      readonly kind: 'identify';
      readonly userId: string;
      readonly sessionId: string;
      readonly occurredAt: number;
      readonly receivedAt: number;
    }
  /** All attributes of a user; null removes them. The newest `receivedAt` counts, and of equal ones the last applied. */
  | {
      readonly kind: 'attributes';
      readonly userId: string;
      readonly attributes: Attributes | null;
      readonly receivedAt: number;
    }
  /** Forgets what was received of a user until `before` inclusive, and refuses it from then on. */
  | { readonly kind: 'erase'; readonly userId: string; readonly before: number };

/**
 * The recent behaviors and the attributes of users.
 *
 * A profile follows from the set of its changes: their order, repetitions and batches make no difference (docs/profiles.md
 * has the law and its limits). So whoever is not sure whether a batch was applied applies it again.
 */
export interface ProfileStore {
  /** The profile of a user, or of an anonymous session by `session:<sessionId>`; undefined when nothing is stored. */
  read(userId: string): Promise<UserProfile | undefined>;
  /** Stores changes. When it fails some of them may be stored: apply all of them again. */
  apply(changes: readonly ProfileChange[]): Promise<void>;
  /**
   * Replaces everything that was received before a moment. Each user changes from the old to the new at once; readers see
   * no gap. What was received since stays, and so do marks of erasure.
   *
   * @param owners everything that counts from then on, each owner once.
   */
  rebuild(owners: AsyncIterable<OwnedChanges>, options: RebuildOptions): Promise<RebuildResult>;
  /** The number of users of whom something is stored, for reports and tests: it walks over all of them. */
  size(): Promise<number>;
  /** Removes everything, also marks of erasure. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** All changes of one user or session; of an identify, each of the two takes its own half. */
export interface OwnedChanges {
  /** A userId, or `session:<sessionId>`. */
  readonly owner: string;
  readonly changes: readonly ProfileChange[];
}

export interface RebuildOptions {
  /** What was received from this moment on, in epoch milliseconds, stays as it is. */
  readonly receivedBefore: number;
}

export interface RebuildResult {
  /** Users and anonymous sessions written. */
  readonly replaced: number;
  /** Users and anonymous sessions that were stored and have nothing any more. */
  readonly removed: number;
}
