import type { FacetConfig } from '@facet/config';
import { claimStore } from '@facet/config/installation';
import type { Installation } from '@facet/config/installation';
import { fileLogTopic } from '@facet/event-log';
import type { PositiveRule } from '@facet/features';
import { openLakeSnapshot } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { fillProfiles, openRedisProfileStore } from '@facet/profiles';
import type { ProfileChange, RedisProfileStore } from '@facet/profiles';
import { hashUser } from '@facet/schemas';
import type { SinkConfig } from '../config.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { SinkMetrics } from './sink-metrics.ts';

/** Keeps the profile store up to date with the log. */
export interface ProfileFeed {
  /**
   * Starts to apply changes after the previous ones are applied, and waits while the store is away. Rejects when `signal`
   * aborts, and with the error of the previous changes.
   */
  apply(changes: readonly ProfileChange[], signal: AbortSignal, onApplied?: () => void): Promise<void>;
  /**
   * Resolves when all changes are applied. Returns false if the store is known to have lost data since. Then discard the changes that are
   * not in the lake, and call `refillAfterLoss`.
   */
  flush(): Promise<boolean>;
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
  flush: async () => true,
  discard: async () => undefined,
  refillAfterLoss: async () => false,
};

/** Identifies a complete store: its process and its last fill. */
interface FilledStore {
  readonly generation: string;
  readonly fillId: string;
  /** When the fill ended. */
  readonly filledAt: number;
}

/** How long it may take to notice that a running store was restarted or emptied. */
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
  /** A store that restarts may lose changes in files that were added to the lake from this time on. Undefined before the first check. */
  let lossFrom: number | undefined;
  let applying: Promise<void> = Promise.resolve();

  const applyNow = async (changes: readonly ProfileChange[], signal: AbortSignal): Promise<void> => {
    const startedAt = now();
    const erasing = [...changes, ...erasedUsers.repeatedFor(changes)];
    await retryPolicy.retry('redis', () => store.apply(erasing), signal);
    metrics.observeApply((now() - startedAt) / 1000);
  };

  const fill = async (signal: AbortSignal, receivedFrom?: number): Promise<void> => {
    const apply = (changes: readonly ProfileChange[]): Promise<void> => {
      // The store keeps removals for `ttlDays` after the fill, but marks of erasures for `ttlDays` after the erasure.
      const removals = changes.filter((change) => change.kind === 'attributes' && change.attributes === null);
      return store.apply([...changes, ...erasedUsers.repeatedFor(removals)]);
    };
    await fillProfiles({ apply }, home, { isPositive }, { signal, receivedFrom });
  };

  const refill = async (signal: AbortSignal): Promise<void> => {
    await claimStore(installation, store.installation);
    // Other sinks may have recorded erasures, whose marks the store has lost.
    const lake = await openLakeSnapshot(lakeFolder);
    erasedUsers.addRecorded(lake);
    for (;;) {
      const { fillId, hasEnded } = await store.beginFill();
      const generation = await store.generation();
      if (hasEnded) {
        lossFrom ??= (lastPartAt(lake) ?? now()) - refillMs;
        await fill(signal, oldestReceiptSince(lake, lossFrom));
      } else {
        lossFrom = -Infinity;
        logger.info('filling the profile store from the lake');
        await fill(signal);
      }
      if ((await store.generation()) !== generation || !(await store.endFill(fillId))) continue;
      if (filled !== undefined) logger.warn('refilled the profile store, which was restarted or emptied');
      filled = { generation, fillId, filledAt: now() };
      return;
    }
  };

  const isComplete = async ({ generation, fillId, filledAt }: FilledStore): Promise<boolean> => {
    const startedAt = now();
    const read = await Promise.all([store.generation(), store.readFill()]).catch(() => undefined);
    if (read !== undefined) {
      const [current, lastFill] = read;
      if (current !== generation || lastFill?.fillId !== fillId || !lastFill.hasEnded) return false;
      // What the store had `refillMs` before this check is on its disk.
      if (startedAt - filledAt >= refillMs) lossFrom = startedAt - refillMs;
    }
    // Assume a complete store while it is away: the next change waits for it.
    checkedAt = startedAt;
    return true;
  };

  return {
    async apply(changes, signal, onApplied) {
      await applying;
      // Not awaited, so that the sink parses the next batch meanwhile.
      applying = changes.length === 0 ? Promise.resolve() : applyNow(changes, signal);
      applying = applying.then(onApplied);
      applying.catch(() => undefined);
    },
    async flush() {
      await applying;
      return filled === undefined || isComplete(filled);
    },
    async discard() {
      applying = applying.catch(() => undefined);
      await applying;
    },
    async refillAfterLoss(signal) {
      const isChecked = Math.abs(now() - checkedAt) < checkMs;
      if (filled !== undefined && (isChecked || (await isComplete(filled)))) return false;
      await retryPolicy.retry('redis', () => refill(signal), signal);
      return true;
    },
  };
}

/**
 * Returns when a sink added the newest part to the lake: -Infinity if a compaction has merged all parts, undefined if the lake has only
 * imported events.
 */
function lastPartAt({ files, offsets }: LakeSnapshot): number | undefined {
  const imported = `${fileLogTopic}-`;
  if (Object.keys(offsets).every((source) => source.startsWith(imported))) return undefined;
  const isOfSink = (path: string): boolean => path.includes('/part-') && !path.includes(`/part-${imported}`);
  return files.reduce((last, { path, addedAt }) => (isOfSink(path) ? Math.max(last, addedAt) : last), -Infinity);
}

/** Returns when the oldest event in the files added from a time on was received. Without such files, returns Infinity. */
function oldestReceiptSince({ files }: LakeSnapshot, addedFrom: number): number {
  return files.reduce(
    (oldest, { addedAt, receivedFrom }) => (addedAt >= addedFrom ? Math.min(oldest, receivedFrom) : oldest),
    Infinity,
  );
}

/** The erased users and the time of their erasures, from the lake, which keeps them forever. */
export interface ErasedUsers {
  /** Whether data of the user received at this time must be erased. */
  isErased(userId: string, receivedAt: number): boolean;
  add(erasure: { readonly userHash: string; readonly requestedAt: number }): void;
  /** Adds the erasures of the lake, as HMACs with its erasure key. */
  addRecorded(recorded: Pick<LakeSnapshot, 'erasures' | 'erasureKey'>): void;
  /**
   * Returns the erasures to repeat together with changes, because the profile store may have lost their marks. They are those of users
   * with changes older than their erasure, or with an `identify`, which may give the user older events of a session.
   */
  repeatedFor(changes: readonly ProfileChange[]): ProfileChange[];
}

export function createErasedUsers(): ErasedUsers {
  const erasedUntil = new Map<string, number>();
  let newest = -1;
  let keyOf = (hash: string): string => hash;
  const untilOf = (userId: string): number => {
    const hash = hashUser(userId);
    return Math.max(erasedUntil.get(hash) ?? -1, erasedUntil.get(keyOf(hash)) ?? -1);
  };
  const add: ErasedUsers['add'] = ({ userHash, requestedAt }) => {
    erasedUntil.set(userHash, Math.max(requestedAt, erasedUntil.get(userHash) ?? 0));
    newest = Math.max(newest, requestedAt);
  };
  return {
    // Nearly all data is newer than every erasure, and its users need not be hashed.
    isErased: (userId, receivedAt) => receivedAt <= newest && receivedAt <= untilOf(userId),
    add,
    addRecorded({ erasures, erasureKey }) {
      keyOf = (hash) => erasureKey.of(hash);
      for (const erasure of erasures) add(erasure);
    },
    repeatedFor(changes) {
      if (erasedUntil.size === 0) return [];
      const repeated = new Map<string, number>();
      for (const change of changes) {
        if (change.kind === 'erase' || change.userId === undefined) continue;
        const { kind, userId, receivedAt } = change;
        if (kind !== 'identify' && receivedAt > newest) continue;
        const before = untilOf(userId);
        if (before >= 0 && (kind === 'identify' || receivedAt <= before)) repeated.set(userId, before);
      }
      return Array.from(repeated, ([userId, before]) => ({ kind: 'erase', userId, before }));
    },
  };
}
