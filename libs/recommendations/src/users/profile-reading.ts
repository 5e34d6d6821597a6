import type { UserProfile } from '@facet/profiles';

/** A profile, or undefined: of somebody unknown, or because it could not be read. */
export interface ProfileReading {
  readonly profile: UserProfile | undefined;
  readonly isAvailable: boolean;
}

/** Reads what is stored of a user; never fails a request. */
export type ReadProfile = (userId: string) => Promise<ProfileReading>;
