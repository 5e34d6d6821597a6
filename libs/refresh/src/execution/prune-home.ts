import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bundlesOfExperiments, parseExperiments } from '@facet/exposures';
import { dayMs, listNames } from '@facet/platform';
import type { StageContext } from '@facet/stages';
import { lastFullRetrain } from './decide-start.ts';
import { createRunStore } from '@facet/runs';

/**
 * Deletes artifacts that are neither recent nor needed. Also deletes runs, outputs of stages, gate reports, health reports, checkpoints,
 * and rows and tables of benchmarks after `artifacts.keepDays` without a change. Keeps runs and reports of stored bundles, and the run of the last full
 * training, which decides when the next one is due.
 *
 * @param now epoch milliseconds.
 */
export async function pruneHome({ store, config, home }: StageContext, now: number): Promise<void> {
  const { keep, keepDays } = config.artifacts;
  // Bundles first: the models and datasets of kept bundles are kept.
  await store.prune('bundle', { keep, needed: bundlesInExperiments(config, now) });
  for (const kind of ['model', 'dataset']) await store.prune(kind, { keep });

  const bundles = new Set((await store.list('bundle')).map(({ ref }) => ref.id));
  const before = now - keepDays * dayMs;
  const runs = createRunStore(home.runsFolder);
  const needed = new Set<string>();
  const reports = await runs.list();
  const lastFull = lastFullRetrain(reports);
  if (lastFull !== undefined) needed.add(lastFull.run.runId);
  for (const { run, stages } of reports) {
    if (stages.some(({ outputs }) => bundles.has(outputs?.bundleId ?? ''))) needed.add(run.runId);
  }
  for (const name of await listOld(home.runsFolder, before)) if (!needed.has(name)) await runs.remove(name);
  for (const name of await listOld(home.gatesFolder, before)) {
    if (!bundles.has(name.replace('.json', ''))) await rm(join(home.gatesFolder, name), { force: true });
  }
  const { stagesFolder, checkpointsFolder, healthFolder, benchmarksFolder } = home;
  // A folder of `benchmarks` is a table, or `rows`.
  for (const folder of [
    stagesFolder,
    checkpointsFolder,
    healthFolder,
    join(benchmarksFolder, 'rows'),
    benchmarksFolder,
  ]) {
    for (const name of await listOld(folder, before)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Returns the bundles of experiments whose responses are still in the exposure log, where they can be replayed. */
function bundlesInExperiments({ experiments, exposures }: StageContext['config'], now: number): string[] {
  return bundlesOfExperiments(parseExperiments(experiments), now - exposures.retentionDays * dayMs);
}

/** Returns the entries of a folder that have not changed since a time, with all files in them. */
async function listOld(folder: string, before: number): Promise<string[]> {
  const names = await listNames(folder);
  const isOld = await Promise.all(names.map(async (name) => (await lastChange(join(folder, name))) < before));
  return names.filter((_, index) => isOld[index]);
}

/** Returns the time of the last change; Infinity if another process has deleted the entry. */
async function lastChange(path: string): Promise<number> {
  const status = await lstat(path).catch(() => undefined);
  if (status === undefined) return Infinity;
  if (!status.isDirectory()) return status.mtimeMs;
  const names = await listNames(path);
  return Math.max(status.mtimeMs, ...(await Promise.all(names.map((name) => lastChange(join(path, name))))));
}
