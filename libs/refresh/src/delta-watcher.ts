import { setTimeout as sleep } from 'node:timers/promises';
import { openArtifactStore } from '@facet/artifacts';
import { homePaths } from '@facet/config';
import { openLakeSnapshot, readItemsVersion } from '@facet/lake';
import type { DeltaResult } from '@facet/stages';
import { readDeltaMemo, toProblem } from '@facet/runs';
import { AppError, minuteMs } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { runRefreshChild } from './child-process/run-child.ts';

export interface DeltaWatcherOptions {
  readonly home: string;
  readonly configFile: string;
  readonly everyMs: number;
  /** Time after which the child process is ended; default 30 minutes. */
  readonly childMsMax?: number;
  /** The time between two comparisons with the lake; default one minute. */
  readonly lakeEveryMs?: number;
}

export interface DeltaWatcher {
  close(): Promise<void>;
}

/** Rounds to skip after a failure: the next attempt would probably fail, too, and each attempt starts a process. */
const cooldownRounds = 6;

/**
 * Watches the catalog, the current bundle and the lake. When one of them changes, publishes a delta with the new and withdrawn items,
 * and the popularity of items by their first interactions, in a child process.
 */
export function startDeltaWatcher(
  {
    logger,
    onResult,
  }: { readonly logger: Logger; readonly onResult?: (outcome: 'changed' | 'same' | 'failed') => void },
  { home, configFile, everyMs, childMsMax = 30 * minuteMs, lakeEveryMs = minuteMs }: DeltaWatcherOptions,
): DeltaWatcher {
  const { catalogFolder, artifactsFolder, lakeFolder, stagesFolder } = homePaths(home);
  const store = openArtifactStore(artifactsFolder);
  const closing = new AbortController();
  const { signal } = closing;
  let published = { state: '', lakeVersion: 0, at: 0 };

  async function publishChanges(): Promise<void> {
    const bundle = await store.readRef('current');
    const catalog = await readItemsVersion(catalogFolder);
    if (bundle === undefined || catalog === undefined) return;
    const state = `${bundle.id} ${catalog.fingerprint}`;
    const isChanged = state !== published.state;
    // First interactions with items change a delta, but not more often than once a minute.
    if (!isChanged && performance.now() < published.at + lakeEveryMs) return;
    if (!isChanged && (await readDeltaMemo(stagesFolder))?.awaitsInteractions === false) return;
    const { version: lakeVersion } = await openLakeSnapshot(lakeFolder);
    if (!isChanged && lakeVersion === published.lakeVersion) return;
    const limit = AbortSignal.timeout(childMsMax);
    const result = await runRefreshChild<DeltaResult | null>(
      { home, configFile },
      { signal: AbortSignal.any([signal, limit]) },
    ).catch((error: unknown) => {
      throw error === limit.reason ? timedOut(childMsMax) : error;
    });
    published = { state, lakeVersion, at: performance.now() };
    onResult?.(result === null ? 'same' : 'changed');
    if (result !== null) logger.info({ ...result }, 'published a delta of the changed catalog');
  }

  async function watch(): Promise<void> {
    let delayMs = everyMs;
    while (await sleep(delayMs, true, { signal }).catch(() => false)) {
      delayMs = everyMs;
      try {
        await publishChanges();
      } catch (error) {
        if (signal.aborted) return;
        delayMs = everyMs * (1 + cooldownRounds);
        onResult?.('failed');
        logger.warn({ problem: toProblem(error) }, 'cannot publish a delta of the changed catalog');
      }
    }
  }

  const watching = watch();
  return {
    async close() {
      closing.abort();
      await watching;
    },
  };
}

function timedOut(ms: number): AppError {
  return new AppError(`The delta process was not finished after ${ms / minuteMs} min.`, {
    code: 'REFRESH_DELTA_TIMED_OUT',
    category: 'unavailable',
    remedy:
      'Run facet delta to see where it stops. Check the disks of the home, and the load and memory of the machine.',
    retryable: true,
  });
}
