import type { BundleInfo } from '@facet/bundles';
import { parsePositiveRule } from '@facet/features';
import { createMemoryProfileStore, fillProfiles, openRedisProfileStore } from '@facet/profiles';
import type { ProfileStore } from '@facet/profiles';

/** Where profiles come from. */
export interface ProfileSettings {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  /** The store that the collector writes; without one, profiles are read from the lake once. */
  readonly redisUrl?: string | undefined;
}

/** Longer than Redis takes by far, and little enough that a caller waits rather for an answer without the profile. */
const readTimeoutMs = 50;

/** How long a connection may be silent before another one is made. */
const silenceMsMax = 1_000;

/**
 * Opens the profile store in Redis, or fills one in memory with what the lake holds now: all positives of a user, because
 * an item of long ago was seen, too.
 *
 * @throws AppError `PROFILES_URL_INVALID`, those of reading the lake and the catalog. Not when Redis cannot be reached:
 * whoever reads finds out, each time anew.
 */
export async function openProfileStore(
  { lakeFolder, catalogFolder, redisUrl }: ProfileSettings,
  rules: Pick<BundleInfo['interactions'], 'positives'>,
): Promise<ProfileStore> {
  if (redisUrl !== undefined) {
    // How many are kept is decided by who writes them.
    const eventsMax = Infinity;
    return openRedisProfileStore({ url: redisUrl, readTimeoutMs, writeTimeoutMs: silenceMsMax, eventsMax });
  }
  const store = createMemoryProfileStore();
  await fillProfiles(store, { lakeFolder, catalogFolder }, { isPositive: parsePositiveRule(rules.positives) });
  return store;
}
