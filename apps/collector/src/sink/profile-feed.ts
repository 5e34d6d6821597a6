import { openLakeSnapshot } from '@facet/lake';
import type { PositiveRule } from '@facet/features';
import type { FacetConfig } from '@facet/config';
import { claimStore } from '@facet/config/installation';
import type { Installation } from '@facet/config/installation';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { fillProfiles, openRedisProfileStore } from '@facet/profiles';
import type { ProfileChange, RedisProfileStore } from '@facet/profiles';
import type { SinkConfig } from '../config.ts';
import type { ErasedUsers } from './erased-users.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { SinkMetrics } from './sink-metrics.ts';

/** Keeps the profile store up to date with the log. */
export interface ProfileFeed {
  /**
   * Starts to apply changes after the previous ones are applied, and waits while the store is away. Rejects when `signal`
   * aborts, and with the error of the previous changes.
   */
  apply(changes: readonly ProfileChange[], signal: AbortSignal, onApplied?: () => void): Promise<void>;
  /** Resolves when all changes are applied. */
  flush(): Promise<void>;
  /** Waits for the current changes and ignores their outcome. */
  discard(): Promise<void>;
  /**
   * Checks whether the store has lost data, and refills it from the lake if so. The first call waits for the store.
   *
   * @throws AppError `INSTALLATION_DIFFERS` if the store belongs to another installation.
   * @returns whether the store was refilled. Then all changes that are not in the lake must be applied again.
   */
  refillAfterLoss(signal: AbortSignal): Promise<boolean>;
}

export interface ProfileFeedDeps {
  readonly installation: Installation;
  readonly erasedUsers: ErasedUsers;
  readonly isPositive: PositiveRule;
  readonly retryPolicy: RetryPolicy;
  readonly metrics: SinkMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface OpenedProfileFeed {
  readonly feed: ProfileFeed;
  close(): Promise<void>;
}

/** Opens the profile store and its feed. Without a URL, the feed does nothing. */
export async function openProfileFeed(
  config: SinkConfig & FacetConfig['profiles'],
  deps: ProfileFeedDeps,
): Promise<OpenedProfileFeed> {
  const { redisUrl, redisFiles, eventsMax, ttlDays } = config;
  const { logger } = deps;
  if (redisUrl === undefined) {
    logger.warn('FACET_REDIS_URL is not set: the sink keeps no profiles');
    return { feed: noProfileFeed, close: async () => undefined };
  }
  const store = await openRedisProfileStore({ ...redisFiles, url: redisUrl, eventsMax, ttlDays });
  const warnings = await store.checkSettings().catch((error: unknown) => [describeError(error)]);
  for (const warning of warnings) logger.warn({ warning }, 'the profile store is not safe');
  return { feed: createProfileFeed(store, config, deps), close: () => store.close() };
}

const noProfileFeed: ProfileFeed = {
  apply: async () => undefined,
  flush: async () => undefined,
  discard: async () => undefined,
  refillAfterLoss: async () => false,
};

interface AppliedBatch {
  readonly appliedAt: number;
  /** When its oldest change was received. */
  readonly receivedFrom: number;
}

/** Identifies a complete store: its process and its last fill. */
interface FilledStore {
  readonly generation: string | undefined;
  readonly fillId: string;
}

/** How long it may take to notice that a running store was emptied. */
const checkMs = 1_000;

function createProfileFeed(
  store: RedisProfileStore,
  { home, refillMs }: SinkConfig,
  { installation, erasedUsers, isPositive, retryPolicy, metrics, logger, now }: ProfileFeedDeps,
): ProfileFeed {
  const { lakeFolder } = home;
  /** Undefined before the first check. */
  let filled: FilledStore | undefined;
  let checkedAt = 0;
  /** Batches applied in the `refillMs` before the last one. */
  let recent: AppliedBatch[] = [];
  let applying: Promise<void> = Promise.resolve();

  const applyNow = async (changes: readonly ProfileChange[], signal: AbortSignal): Promise<void> => {
    const startedAt = now();
    const erasing = [...changes, ...erasedUsers.repeatedFor(changes)];
    await retryPolicy.retry('redis', () => store.apply(erasing), signal);
    const appliedAt = now();
    metrics.observeApply((appliedAt - startedAt) / 1000);
    recent = recent.filter((batch) => appliedAt - batch.appliedAt < refillMs);
    recent.push({ appliedAt, receivedFrom: oldestOf(changes) });
  };

  const fill = async (signal: AbortSignal, receivedFrom?: number): Promise<void> => {
    const apply = (changes: readonly ProfileChange[]): Promise<void> => {
      // The store keeps removals for `ttlDays` after the fill, but marks of erasures for `ttlDays` after the erasure.
      const removals = changes.filter((change) => change.kind === 'attributes' && change.attributes === null);
      return store.apply([...changes, ...erasedUsers.repeatedFor(removals)]);
    };
    await fillProfiles({ apply }, home, { isPositive }, { signal, receivedFrom });
  };

  /** Returns from when on a restarted store, or a store that another sink has filled, may lack changes. */
  const possiblyLostFrom = async (): Promise<number | undefined> =>
    recent.length === 0
      ? newestPartsReceivedFrom(lakeFolder)
      : recent.reduce((oldest, batch) => Math.min(oldest, batch.receivedFrom), Infinity);

  const refill = async (signal: AbortSignal): Promise<void> => {
    await claimStore(installation, store.installation);
    // Other sinks may have recorded erasures, whose marks the store has lost.
    erasedUsers.addRecorded(await openLakeSnapshot(lakeFolder));
    for (;;) {
      const { fillId, hasEnded } = await store.beginFill();
      const generation = store.generation();
      if (hasEnded) {
        const receivedFrom = await possiblyLostFrom();
        if (receivedFrom !== undefined) await fill(signal, receivedFrom);
      } else {
        logger.info('filling the profile store from the lake');
        await fill(signal);
      }
      if (store.generation() !== generation || !(await store.endFill(fillId))) continue;
      if (filled !== undefined) logger.warn('refilled the profile store, which was restarted or emptied');
      filled = { generation, fillId };
      return;
    }
  };

  const isComplete = async ({ generation, fillId }: FilledStore): Promise<boolean> => {
    if (store.generation() !== generation) return false;
    if (Math.abs(now() - checkedAt) < checkMs) return true;
    checkedAt = now();
    // Assume a complete store while it is away: the next change waits for it.
    const lastFill = await store.readFill().catch(() => ({ fillId, hasEnded: true }));
    return lastFill?.fillId === fillId && lastFill.hasEnded;
  };

  return {
    async apply(changes, signal, onApplied) {
      await applying;
      // Not awaited, so that the sink parses the next batch meanwhile.
      applying = changes.length === 0 ? Promise.resolve() : applyNow(changes, signal);
      applying = applying.then(onApplied);
      applying.catch(() => undefined);
    },
    flush: () => applying,
    async discard() {
      applying = applying.catch(() => undefined);
      await applying;
    },
    async refillAfterLoss(signal) {
      if (filled !== undefined && (await isComplete(filled))) return false;
      await retryPolicy.retry('redis', () => refill(signal), signal);
      return true;
    },
  };
}

/** The parts of these versions contain the changes that the previous sink applied in its last seconds. */
const newestVersions = 10;

/** Returns when the oldest event of the newest lake versions was received; `undefined` for an empty lake. */
async function newestPartsReceivedFrom(lakeFolder: string): Promise<number | undefined> {
  const { version, files } = await openLakeSnapshot(lakeFolder);
  const times = files
    .filter((file) => file.path.includes('/part-') && file.version > version - newestVersions)
    .map(({ receivedFrom }) => receivedFrom);
  return times.length === 0 ? undefined : Math.min(...times);
}

function oldestOf(changes: readonly ProfileChange[]): number {
  let oldest = Infinity;
  for (const change of changes) {
    oldest = Math.min(oldest, change.kind === 'erase' ? change.before : change.receivedAt);
  }
  return oldest;
}
