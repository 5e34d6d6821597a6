import type { ProfileChange, RedisProfileStore } from '@facet/profiles';
import type { Logger } from '@facet/platform';
import type { Patience } from './patience.ts';
import type { SinkMetrics } from './sink-metrics.ts';

/** Keeps the profile store as new as the log. */
export interface ProfileFeed {
  /**
   * Begins to apply changes once those before are applied; while the store is away it waits, and nothing else is taken.
   * Rejects when `signal` aborts, and with what the changes before failed with.
   */
  apply(changes: readonly ProfileChange[], signal: AbortSignal, onApplied?: () => void): Promise<void>;
  /** Resolves when everything is applied. */
  flush(): Promise<void>;
  /** Waits for what is being applied, and forgets how it ended. */
  discard(): Promise<void>;
  /**
   * Looks whether the store is the process that it was, and else makes good what it may have lost: from the lake. The first
   * time it waits for the store.
   *
   * @returns whether that was done; then what is not in the lake yet is to be applied again, too.
   */
  refillAfterLoss(signal: AbortSignal): Promise<boolean>;
}

export interface ProfileFeedDeps {
  readonly store: Pick<RedisProfileStore, 'apply' | 'generation' | 'size'>;
  /** Applies what the lake has, from a time of receipt on or all of it. */
  readonly fill: (receivedFrom?: number) => Promise<void>;
  /** When the oldest event was received of those that were stored last; undefined for an empty lake. */
  readonly lastStoredReceivedFrom: () => Promise<number | undefined>;
  readonly patience: Patience;
  readonly metrics: SinkMetrics;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface ProfileFeedOptions {
  /** How much of what it was given last the store may lose when it is killed. */
  readonly refillMs: number;
}

interface AppliedBatch {
  readonly appliedAt: number;
  /** When the oldest change of it was received. */
  readonly receivedFrom: number;
}

const dependency = 'redis';

export function createProfileFeed(deps: ProfileFeedDeps, { refillMs }: ProfileFeedOptions): ProfileFeed {
  const { store, fill, lastStoredReceivedFrom, patience, metrics, logger, now } = deps;
  /** The process of the store that has everything; undefined before the first look. */
  let filled: string | undefined;
  /** What was applied in the `refillMs` before the last batch. */
  let recent: AppliedBatch[] = [];
  let lastBatchSize = 0;
  let applying: Promise<void> = Promise.resolve();

  const applyNow = async (changes: readonly ProfileChange[], signal: AbortSignal): Promise<void> => {
    const startedAt = now();
    await patience.until(dependency, () => store.apply(changes), signal);
    const appliedAt = now();
    metrics.observeApply((appliedAt - startedAt) / 1000);
    recent = recent.filter((batch) => appliedAt - batch.appliedAt < refillMs);
    recent.push({ appliedAt, receivedFrom: oldestOf(changes) });
    lastBatchSize = changes.length;
  };

  const refill = async (): Promise<void> => {
    // A batch whose writing was repeated may be all that a new, empty process has.
    const isEmpty = (await store.size()) <= lastBatchSize;
    const generation = store.generation();
    if (isEmpty) {
      logger.info('filling the empty profile store from the lake');
      await fill();
    } else {
      const receivedFrom =
        recent.length === 0
          ? await lastStoredReceivedFrom()
          : recent.reduce((oldest, batch) => Math.min(oldest, batch.receivedFrom), Infinity);
      if (receivedFrom !== undefined) await fill(receivedFrom);
    }
    if (filled !== undefined) logger.warn('the profile store was started again: applied what it may have lost');
    filled = generation;
  };

  return {
    async apply(changes, signal, onApplied) {
      await applying;
      // The next batch is parsed meanwhile.
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
      if (filled !== undefined && store.generation() === filled) return false;
      await patience.until(dependency, refill, signal);
      return true;
    },
  };
}

function oldestOf(changes: readonly ProfileChange[]): number {
  let oldest = Infinity;
  for (const change of changes) {
    oldest = Math.min(oldest, change.kind === 'erase' ? change.before : change.receivedAt);
  }
  return oldest;
}

/** Without a profile store. */
export function createNoProfileFeed(): ProfileFeed {
  return {
    apply: async () => undefined,
    flush: async () => undefined,
    discard: async () => undefined,
    refillAfterLoss: async () => false,
  };
}
