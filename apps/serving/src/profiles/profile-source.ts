import type { BundleInfo } from '@facet/bundles';
import { parsePositiveRule } from '@facet/features';
import type { Logger } from '@facet/platform';
import { createMemoryProfileStore, fillProfiles, openRedisProfileStore } from '@facet/profiles';
import { Shared } from '../live/shared.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { createProfileReader } from './profile-reader.ts';
import type { ProfileReader } from './profile-reader.ts';

/** Where profiles come from. */
export interface ProfileSettings {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  /** The store that the collector writes; without one, profiles are read from the lake. */
  readonly redisUrl?: string | undefined;
}

export interface OpenProfiles {
  readonly reader: ProfileReader;
  /** How many users there are, when they are in the memory of this process. */
  readonly count: number | undefined;
}

/** Opens the profiles that go with a bundle. */
export interface ProfileSource {
  /**
   * Those in Redis are one store for every bundle. In memory they are filled with what the lake holds now, anew for each
   * bundle: all positives of a user, because an item of long ago was seen, too.
   *
   * @throws AppError `PROFILES_URL_INVALID`, those of reading the lake and the catalog. Not when Redis cannot be reached:
   * whoever reads finds out, each time anew.
   */
  openFor(rules: Pick<BundleInfo['interactions'], 'positives'>): Promise<Shared<OpenProfiles>>;
  close(): Promise<void>;
}

/** Longer than Redis takes by far, and little enough that a caller waits rather for an answer without the profile. */
const readTimeoutMs = 50;

/** How long a connection may be silent before another one is made. */
const silenceMsMax = 1_000;

export function createProfileSource(
  { lakeFolder, catalogFolder, redisUrl }: ProfileSettings,
  deps: { readonly metrics: Pick<Metrics, 'observeProfileRead'>; readonly logger: Logger },
): ProfileSource {
  let ofRedis: Shared<OpenProfiles> | undefined;
  const close = ({ reader }: OpenProfiles): Promise<void> => reader.close();

  async function openRedis(url: string): Promise<Shared<OpenProfiles>> {
    // How many are kept is decided by who writes them.
    const eventsMax = Infinity;
    const store = await openRedisProfileStore({ url, readTimeoutMs, writeTimeoutMs: silenceMsMax, eventsMax });
    return new Shared<OpenProfiles>({ reader: createProfileReader(store, deps), count: undefined }, close);
  }

  return {
    async openFor({ positives }) {
      if (redisUrl !== undefined) return (ofRedis ??= await openRedis(redisUrl)).hold();
      const store = createMemoryProfileStore();
      await fillProfiles(store, { lakeFolder, catalogFolder }, { isPositive: parsePositiveRule(positives) });
      return new Shared<OpenProfiles>({ reader: createProfileReader(store, deps), count: await store.size() }, close);
    },
    async close() {
      await ofRedis?.release();
    },
  };
}
