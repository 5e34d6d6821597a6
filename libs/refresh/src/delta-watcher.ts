import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { catalogFiles } from '@facet/lake';
import type { DeltaResult } from '@facet/pipeline';
import { homePaths } from '@facet/config';
import { toProblem } from '@facet/pipeline/runs';
import type { Logger } from '@facet/platform';
import { runChild } from './child-process/run-child.ts';

export interface DeltaWatcherOptions {
  readonly home: string;
  readonly configFile: string;
  readonly everyMs: number;
  /** How Node is started for the work; as this process was, by default. */
  readonly execArgv?: readonly string[];
}

export interface DeltaWatcher {
  close(): Promise<void>;
}

/** What has failed will mostly fail again at once, and each try is a process. */
const roundsOfRest = 6;

/**
 * Looks for changes of the catalog and of the current bundle, and has new and withdrawn items brought into force: in a process
 * of its own, and only when there is something to look at.
 */
export function startDeltaWatcher(
  {
    logger,
    onResult,
  }: { readonly logger: Logger; readonly onResult?: (outcome: 'changed' | 'same' | 'failed') => void },
  { home, configFile, everyMs, execArgv }: DeltaWatcherOptions,
): DeltaWatcher {
  const { catalogFolder, artifactsFolder } = homePaths(home);
  const store = createFolderArtifactStore(artifactsFolder);
  const closing = new AbortController();
  let seen = '';
  let resting = 0;
  let working: Promise<void> | undefined;

  async function look(): Promise<void> {
    const bundle = await store.readRef('current');
    const file = await stat(join(catalogFolder, catalogFiles.items)).catch(() => undefined);
    if (bundle === undefined || file === undefined) return;
    const now = `${bundle.id} ${file.mtimeMs} ${file.size} ${file.ino}`;
    if (now === seen) return;
    const order = { home, configFile };
    const watch = { signal: closing.signal, ...(execArgv && { execArgv }) };
    const result = await runChild<DeltaResult | null>('delta', order, watch);
    seen = now;
    onResult?.(result === null ? 'same' : 'changed');
    if (result !== null) logger.info({ ...result }, 'the catalog has changed: a delta is in force');
  }

  const timer = setInterval(() => {
    if (resting-- > 0) return;
    working ??= look()
      .catch((error: unknown) => {
        if (closing.signal.aborted) return;
        resting = roundsOfRest;
        onResult?.('failed');
        logger.warn({ problem: toProblem(error) }, 'changes of the catalog cannot be brought into force');
      })
      .finally(() => (working = undefined));
  }, everyMs);

  return {
    async close() {
      clearInterval(timer);
      closing.abort();
      await working;
    },
  };
}
