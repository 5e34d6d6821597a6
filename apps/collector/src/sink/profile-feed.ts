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
   * Looks whether the store still has what it had, and else makes good what it may have lost: from the lake. The first time
   * it waits for the store.
   *
   * @returns whether that was done; then what is not in the lake yet is to be applied again, too.
   */
  refillAfterLoss(signal: AbortSignal): Promise<boolean>;
}

export interface ProfileFeedDeps {
  readonly store: Pick<RedisProfileStore, 'apply' | 'generation' | 'readFill' | 'beginFill' | 'endFill'>;
  /** Applies what the lake has, from a time of receipt on or all of it. */
  readonly fill: (what: { readonly receivedFrom?: number | undefined; readonly signal: AbortSignal }) => Promise<void>;
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

/** A store that is complete: which process it is, and who filled it. */
interface FilledStore {
  readonly generation: string | undefined;
  readonly fillId: string;
}

const dependency = 'redis';
/** A store may be emptied while it runs on; this is how long it goes unnoticed. */
const lookMs = 1_000;

export function createProfileFeed(deps: ProfileFeedDeps, { refillMs }: ProfileFeedOptions): ProfileFeed {
  const { store, fill, lastStoredReceivedFrom, patience, metrics, logger, now } = deps;
  /** Undefined before the first look. */
  let filled: FilledStore | undefined;
  let lookedAt = 0;
  /** What was applied in the `refillMs` before the last batch. */
  let recent: AppliedBatch[] = [];
  let applying: Promise<void> = Promise.resolve();

  const applyNow = async (changes: readonly ProfileChange[], signal: AbortSignal): Promise<void> => {
    const startedAt = now();
    await patience.until(dependency, () => store.apply(changes), signal);
    const appliedAt = now();
    metrics.observeApply((appliedAt - startedAt) / 1000);
    recent = recent.filter((batch) => appliedAt - batch.appliedAt < refillMs);
    recent.push({ appliedAt, receivedFrom: oldestOf(changes) });
  };

  /** What the store may have lost when another process of it answers, or when somebody else has filled it. */
  const newestFrom = async (): Promise<number | undefined> =>
    recent.length === 0
      ? lastStoredReceivedFrom()
      : recent.reduce((oldest, batch) => Math.min(oldest, batch.receivedFrom), Infinity);

  const refill = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      const { fillId, hasEnded } = await store.beginFill();
      const generation = store.generation();
      if (hasEnded) {
        const receivedFrom = await newestFrom();
        if (receivedFrom !== undefined) await fill({ receivedFrom, signal });
      } else {
        logger.info('filling the profile store from the lake');
        await fill({ signal });
      }
      if (store.generation() !== generation || !(await store.endFill(fillId))) continue;
      if (filled !== undefined) logger.warn('the profile store was started again or emptied: what it lost is applied');
      filled = { generation, fillId };
      return;
    }
  };

  const isComplete = async ({ generation, fillId }: FilledStore): Promise<boolean> => {
    if (store.generation() !== generation) return false;
    if (Math.abs(now() - lookedAt) < lookMs) return true;
    lookedAt = now();
    // A store that is away is waited for when there is something to apply.
    const fill = await store.readFill().catch(() => ({ fillId, hasEnded: true }));
    return fill?.fillId === fillId && fill.hasEnded;
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
      if (filled !== undefined && (await isComplete(filled))) return false;
      await patience.until(dependency, () => refill(signal), signal);
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
