import type { Behavior } from '@facet/bundles';
import type { Attributes } from '@facet/features';

/** What is stored of a user. */
export interface UserProfile {
  /** Oldest to newest, as training reads them. */
  readonly behaviors: readonly Behavior[];
  readonly attributes: Attributes;
}

/** Where the behaviors and attributes of users come from. */
export interface ProfileStore {
  /** The number of users. */
  readonly size: number;
  /** The profile of a user, or undefined for one of whom nothing is stored. */
  read(userId: string): Promise<UserProfile | undefined>;
}
