import type { BundleInfo } from '@facet/bundles';
import type { HomePaths } from '@facet/config/home-paths';
import {
  isInstallationError,
  readInstallation,
  refuseOtherInstallation,
  watchInstallation,
} from '@facet/config/installation';
import { parsePositiveRule } from '@facet/features';
import { describeError, isAppError, repeat } from '@facet/platform';
import type { AppError, Logger, RedisFiles } from '@facet/platform';
import { createMemoryProfileStore, fillProfiles, openRedisProfileStore, probeUserId } from '@facet/profiles';
import type { ProfileStore, RedisProfileStore } from '@facet/profiles';
import type { ProfileReading, ReadProfile } from '@facet/recommendations';
import type { ProfileReader } from '../bundle/live-bundle.ts';
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

/** Opens the profiles for a bundle. */
export interface ProfileSource {
  /**
   * Profiles in Redis are shared by all bundles. Profiles in memory are filled from the lake for each bundle, with all
   * positive events of a user, because old items count as seen, too.
   *
   * @throws AppError `PROFILES_URL_INVALID`, `INSTALLATION_DIFFERS` if Redis belongs to another home, and those of reading the lake and the catalog. An unreachable Redis is not an
   *   error here: each read tries again.
   */
  openFor(rules: Pick<BundleInfo['interactions'], 'positives'>): Promise<RefCounted<ProfileReader>>;
  close(): Promise<void>;
}

interface ReaderDeps {
  readonly metrics: Pick<Metrics, 'observeProfileRead' | 'setProfilesAvailable'>;
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
  let redisProfiles: RefCounted<ProfileReader> | undefined;
  const counted = (reader: ProfileReader) => new RefCounted(reader, () => reader.close());

  async function openRedis(url: string): Promise<RefCounted<ProfileReader>> {
    // The collector, which writes the profiles, bounds their events.
    const eventsMax = Infinity;
    const availability = watchAvailability(deps);
    const store = await openRedisProfileStore({
      ...redisFiles,
      url,
      readTimeoutMs,
      writeTimeoutMs: silenceMsMax,
      eventsMax,
      onConnection(problem) {
        if (problem !== undefined) availability.recordLoss(problem);
      },
    });
    try {
      const ownStore = await checkInstallation(store, home, deps.logger);
      return counted(await createRedisReader(ownStore, availability, deps));
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
      const readProfile: ReadProfile = async (userId) => ({ profile: await store.read(userId), isAvailable: true });
      return counted({ ...createReader(store, readProfile, deps.metrics), count: await store.size() });
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
    refuseOtherInstallation(installation, store.installation.location, found);
    return found !== undefined;
  }, logger);
  let refusal: Error | undefined;
  watch.failed.catch((error: unknown) => (refusal = error as Error));
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

/** After this many consecutive failures, an outage begins: requests stop waiting for the store. */
const failuresMax = 5;
/** Interval of the attempts to read during an outage, and without requests. Other requests do not wait for an attempt. */
const retryEveryMs = 1_000;
/** An outage ends when no read has failed for this long. A store that fails only some reads causes one outage, not many. */
const recoveryMs = 5_000;

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

/** Measures each read, and shares the ids of users for some time. Closing the reader closes the store. */
function createReader(
  store: Pick<ProfileStore, 'listUserIds' | 'close'>,
  readProfile: ReadProfile,
  metrics: ReaderDeps['metrics'],
): ProfileReader {
  return {
    async read(userId) {
      const start = performance.now();
      const reading = await readProfile(userId);
      const outcome = reading.profile === undefined ? 'unknown' : 'found';
      metrics.observeProfileRead(reading.isAvailable ? outcome : 'unavailable', (performance.now() - start) / 1_000);
      return reading;
    },
    listUserIds: cacheFor(listedForMs, () => store.listUserIds(keysListedMax)),
    close: () => store.close(),
  };
}

type Availability = ReturnType<typeof watchAvailability>;

/** Logs each kind of problem of an outage once, and its end, and sets the metric. */
function watchAvailability({ metrics, logger }: ReaderDeps) {
  let failures = 0;
  let failedAt = -Infinity;
  let isAvailable: boolean | undefined;
  const logged = new Set<string>();

  const recordLoss = (problem: AppError): void => {
    failedAt = performance.now();
    isAvailable = false;
    metrics.setProfilesAvailable(false);
    if (logged.has(problem.code)) return;
    logged.add(problem.code);
    logger.warn({ problem: describeError(problem) }, 'cannot read profiles: responding without them');
  };
  return {
    /** Begins an outage, because the connection is lost. */
    recordLoss,
    recordSuccess(): void {
      failures = 0;
      if (isAvailable === true || performance.now() - failedAt < recoveryMs) return;
      isAvailable = true;
      logged.clear();
      metrics.setProfilesAvailable(true);
      logger.info('reading profiles from Redis');
    },
    recordFailure(problem: AppError): void {
      failures++;
      failedAt = performance.now();
      if (failures >= failuresMax || isAvailable === undefined) recordLoss(problem);
    },
    /** Whether the last reads failed. */
    isFailing: () => failures >= failuresMax,
  };
}

const unavailable: ProfileReading = { profile: undefined, isAvailable: false };

/** Returns a reader after its first attempt to read, successful or not. */
async function createRedisReader(
  store: ProfileStore,
  availability: Availability,
  { metrics, logger }: ReaderDeps,
): Promise<ProfileReader> {
  let attemptedAt = -Infinity;

  /** Returns `unavailable` if the store fails. @throws Error that is not a failure of the store. */
  async function attempt(userId: string): Promise<ProfileReading> {
    attemptedAt = performance.now();
    try {
      const profile = await store.read(userId);
      availability.recordSuccess();
      return { profile, isAvailable: true };
    } catch (error) {
      if (!isAppError(error) || !(error.retryable || isInstallationError(error))) throw error;
      availability.recordFailure(error);
      return unavailable;
    }
  }
  const isDue = (): boolean => performance.now() - attemptedAt >= retryEveryMs;

  await attempt(probeUserId);
  const endProbes = repeat(
    retryEveryMs,
    async () => {
      if (isDue()) await attempt(probeUserId);
    },
    (error) => logger.error({ err: error }, 'cannot read profiles'),
  );
  const close = async (): Promise<void> => {
    await endProbes();
    await store.close();
  };
  const readProfile: ReadProfile = async (userId) =>
    availability.isFailing() && !isDue() ? unavailable : attempt(userId);
  return createReader({ ...store, close }, readProfile, metrics);
}
