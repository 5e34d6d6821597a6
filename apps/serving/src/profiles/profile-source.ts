import type { BundleInfo } from '@facet/bundles';
import type { HomePaths } from '@facet/config/home-paths';
import {
  isInstallationError,
  readInstallation,
  refuseOtherInstallation,
  watchInstallation,
} from '@facet/config/installation';
import { parsePositiveRule } from '@facet/features';
import { describeError, isAppError } from '@facet/platform';
import type { Logger, RedisFiles } from '@facet/platform';
import { createMemoryProfileStore, fillProfiles, openRedisProfileStore } from '@facet/profiles';
import type { ProfileStore, RedisProfileStore } from '@facet/profiles';
import type { ProfileReading, ReadProfile, UserIds } from '@facet/recommendations';
import { RefCounted } from '../ref-counted.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface ProfileSettings {
  readonly home: Pick<HomePaths, 'folder' | 'installationFile'>;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  /** The store that the collector writes; undefined: profiles are read from the lake. */
  readonly redisUrl?: string | undefined;
  readonly redisFiles?: RedisFiles | undefined;
}

/** Reads profiles without ever failing a request. */
export interface ProfileReader {
  readonly read: ReadProfile;
  /** Returns ids of users, read at most ten seconds ago. Unlike `read`, rejects with the errors of the store. */
  listUserIds(): Promise<UserIds>;
  close(): Promise<void>;
}

export interface OpenProfiles {
  readonly reader: ProfileReader;
  /** The number of users, if profiles are in the memory of this process. */
  readonly count: number | undefined;
}

/** Opens the profiles for a bundle. */
export interface ProfileSource {
  /**
   * Profiles in Redis are shared by all bundles. Profiles in memory are filled from the lake for each bundle, with all
   * positive events of a user, because old items count as seen, too.
   *
   * @throws AppError `PROFILES_URL_INVALID`, `INSTALLATION_DIFFERS` if Redis belongs to another home, and those of reading the lake and the catalog. An unreachable Redis is not an
   *   error here: each read tries again.
   */
  openFor(rules: Pick<BundleInfo['interactions'], 'positives'>): Promise<RefCounted<OpenProfiles>>;
  close(): Promise<void>;
}

interface ReaderDeps {
  readonly metrics: Pick<Metrics, 'observeProfileRead' | 'setProfileStoreConnected'>;
  readonly logger: Logger;
}

/** Far longer than Redis needs, and short enough for a caller to wait before a response without the profile. */
const readTimeoutMs = 50;

/** A connection that is silent for longer is replaced. */
const silenceMsMax = 1_000;

export function createProfileSource(
  { home, lakeFolder, catalogFolder, redisUrl, redisFiles }: ProfileSettings,
  deps: ReaderDeps,
): ProfileSource {
  let redisProfiles: RefCounted<OpenProfiles> | undefined;
  const close = ({ reader }: OpenProfiles): Promise<void> => reader.close();

  async function openRedis(url: string): Promise<RefCounted<OpenProfiles>> {
    // The collector, which writes the profiles, bounds their events.
    const eventsMax = Infinity;
    const store = await openRedisProfileStore({
      ...redisFiles,
      url,
      readTimeoutMs,
      writeTimeoutMs: silenceMsMax,
      eventsMax,
      onConnection(problem) {
        deps.metrics.setProfileStoreConnected(problem === undefined);
        if (problem === undefined) deps.logger.info('connected to Redis: responding with profiles');
        else {
          deps.logger.warn({ problem: describeError(problem) }, 'no connection to Redis: responding without profiles');
        }
      },
    });
    try {
      const ownStore = await checkInstallation(store, home, deps.logger);
      return new RefCounted<OpenProfiles>({ reader: createProfileReader(ownStore, deps), count: undefined }, close);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  return {
    async openFor({ positives }) {
      if (redisUrl !== undefined) return (redisProfiles ??= await openRedis(redisUrl)).hold();
      const store = createMemoryProfileStore();
      await fillProfiles(store, { lakeFolder, catalogFolder }, { isPositive: parsePositiveRule(positives) });
      const reader = createProfileReader(store, deps);
      return new RefCounted<OpenProfiles>({ reader, count: await store.size() }, close);
    },
    async close() {
      await redisProfiles?.release();
    },
  };
}

/**
 * Refuses the store of another installation. Serving never claims it. Until home and store have an id and Redis responds, the
 * check repeats. The returned store then fails every read if the store turns out to belong to another installation.
 *
 * @throws AppError `INSTALLATION_DIFFERS`
 */
async function checkInstallation(
  store: RedisProfileStore,
  home: ProfileSettings['home'],
  logger: Logger,
): Promise<ProfileStore> {
  const watch = await watchInstallation(async () => {
    const installation = await readInstallation(home);
    if (installation === undefined) return false;
    const found = await store.installation.read();
    refuseOtherInstallation(installation, store.installation.place, found);
    return found !== undefined;
  }, logger);
  let refusal: Error | undefined;
  watch.failed.catch((error: unknown) => {
    refusal = error as Error;
    logger.error({ problem: describeError(error) }, 'the profiles are refused: responding without them');
  });
  const refuse = (): void => {
    if (refusal !== undefined) throw refusal;
  };
  return {
    ...store,
    async read(userId) {
      refuse();
      return store.read(userId);
    },
    async listUserIds(keysMax) {
      refuse();
      return store.listUserIds(keysMax);
    },
    async close() {
      await watch.close();
      await store.close();
    },
  };
}

/** After this many consecutive failures, requests stop waiting for the store. */
const failuresMax = 5;
/** Interval of the attempts after that. Other requests do not wait for an attempt. */
const retryEveryMs = 1_000;

/** A search reads at most this many keys of the store: a user has up to three. It takes Redis about 50 ms, in short commands. */
const keysListedMax = 100_000;
/** Searches while a person types read the store once. */
const listedForMs = 10_000;

/** Returns a function that shares its last result for some time. Failures are not shared with later calls. */
function cacheFor<Value>(ms: number, read: () => Promise<Value>): () => Promise<Value> {
  let cached: { readonly value: Promise<Value>; readonly until: number } | undefined;
  return () => {
    const now = performance.now();
    if (cached !== undefined && now < cached.until) return cached.value;
    const fresh = { value: read(), until: now + ms };
    cached = fresh;
    fresh.value.catch(() => {
      if (cached === fresh) cached = undefined;
    });
    return fresh.value;
  };
}

const unavailable: ProfileReading = { profile: undefined, isAvailable: false };

function createProfileReader(store: ProfileStore, { metrics, logger }: ReaderDeps): ProfileReader {
  let failures = 0;
  let retryAt = 0;

  const succeed = (): void => {
    if (failures >= failuresMax) logger.info('profiles are available again');
    failures = 0;
  };

  const fail = (error: unknown): void => {
    failures++;
    retryAt = performance.now() + retryEveryMs;
    if (failures === failuresMax) logger.warn({ err: error }, 'cannot read profiles: responding without them');
  };

  return {
    async read(userId) {
      const start = performance.now();
      if (failures >= failuresMax) {
        if (start < retryAt) {
          metrics.observeProfileRead('unavailable', 0);
          return unavailable;
        }
        retryAt = start + retryEveryMs;
      }
      const seconds = (): number => (performance.now() - start) / 1_000;
      try {
        const profile = await store.read(userId);
        succeed();
        metrics.observeProfileRead(profile === undefined ? 'unknown' : 'found', seconds());
        return { profile, isAvailable: true };
      } catch (error) {
        if (!isAppError(error) || !(error.retryable || isInstallationError(error))) throw error;
        fail(error);
        metrics.observeProfileRead('unavailable', seconds());
        return unavailable;
      }
    },
    listUserIds: cacheFor(listedForMs, () => store.listUserIds(keysListedMax)),
    close: () => store.close(),
  };
}
