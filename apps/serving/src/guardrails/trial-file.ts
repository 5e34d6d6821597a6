import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SwapMetrics, TrafficMetrics } from '@facet/bundles/guardrails';
import { dayMs, listNames, readTextIfExists, writeFileAtomically } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { TrafficCounts } from './traffic-window.ts';

/** The trial of a bundle in one process, so that the process continues it after a restart. */
export const StoredTrial = Type.Object({
  format: Type.Literal(1),
  bundleId: Type.String(),
  /** When the bundle went live, epoch milliseconds. */
  startedAt: Type.Integer(),
  /** The requests to the previous bundle. */
  before: TrafficMetrics,
  swap: Type.Optional(SwapMetrics),
  /** The requests to the bundle. */
  counts: TrafficCounts,
});
export type StoredTrial = Static<typeof StoredTrial>;

export type TrialFile = ReturnType<typeof openTrialFile>;

/** No trial takes longer, so older files belong to processes that no longer exist. */
const keptMs = 2 * dayMs;

/**
 * Opens the file with the current trial of this process. A file system error never fails a call: it is logged once.
 *
 * @param folder `trials` in the data home
 * @param name distinguishes this process from others that run at the same time, and is the same after a restart
 */
export function openTrialFile(
  { folder, name }: { readonly folder: string; readonly name: string },
  { logger, now }: { readonly logger: Pick<Logger, 'warn'>; readonly now: () => number },
) {
  const ownName = `${encodeURIComponent(name)}.json`;
  const path = join(folder, ownName);
  let hasWarned = false;

  async function attempt<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!hasWarned) logger.warn({ folder, err: error }, 'cannot store the trial: a restart will forget it');
      hasWarned = true;
      return undefined;
    }
  }

  async function readOwn(): Promise<StoredTrial | undefined> {
    const text = await readTextIfExists(path);
    const trial = text === undefined ? undefined : parseTrial(text);
    if (text !== undefined && trial === undefined) {
      logger.warn({ path }, 'the file of the trial is damaged: deleting it');
      await rm(path, { force: true });
    }
    return trial;
  }

  /**
   * Returns the trial in the file of another process. Deletes files that no process needs, and incomplete files of processes
   * that were killed while they wrote.
   */
  async function readOthers(bundleId: string): Promise<StoredTrial | undefined> {
    let found: StoredTrial | undefined;
    for (const other of await listNames(folder)) {
      if (other.endsWith('.tmp')) await removeIfOld(join(folder, other));
      if (other === ownName || !other.endsWith('.json')) continue;
      const trial = parseTrial((await readTextIfExists(join(folder, other))) ?? '');
      if (trial === undefined) continue;
      if (trial.startedAt < now() - keptMs) await rm(join(folder, other), { force: true });
      else if (trial.bundleId === bundleId) found = trial;
    }
    return found && { ...found, counts: noCounts };
  }

  async function removeIfOld(incomplete: string): Promise<void> {
    // Another process may rename or delete the file meanwhile.
    const { mtimeMs } = await stat(incomplete).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs < now() - keptMs) await rm(incomplete, { force: true });
  }

  return {
    /**
     * Returns the trial of a bundle. If this process has not stored it, returns the trial of another process without its counts,
     * because the other process may still be running.
     */
    read: (bundleId: string) =>
      attempt(async () => {
        const own = await readOwn();
        return own?.bundleId === bundleId ? own : readOthers(bundleId);
      }),
    write: (trial: StoredTrial) =>
      attempt(async () => {
        await mkdir(folder, { recursive: true });
        await writeFileAtomically(path, [`${JSON.stringify(trial)}\n`]);
      }),
    remove: () => attempt(() => rm(path, { force: true })),
  };
}

const noCounts: TrafficCounts = { responses: 0, errors: 0, fallbacks: 0, empty: 0, times: [] };

/** Returns undefined for a damaged file. */
function parseTrial(text: string): StoredTrial | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(StoredTrial, value) ? value : undefined;
  } catch {
    return undefined;
  }
}
