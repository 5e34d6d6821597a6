import { stat, statfs } from 'node:fs/promises';
import { openArtifactStore } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { checkFacetConfig } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { findEnvironmentProblems } from '@facet/config/environment';
import type { HomePaths } from '@facet/config/home-paths';
import { createRunStore, isScheduled, nextRefreshes } from '@facet/pipeline/runs';
import { dayMs, fieldOf, pathExists } from '@facet/platform';
import { facet } from '../command-context.ts';
import type { CommonOptions } from '../command-context.ts';
import type { CliEnvironment } from '../config.ts';
import { chooseConfigFile, noCurrentBundle } from '../home.ts';
import { countOf, formatBytes, formatMinute, printable, shortId } from '../terminal/text.ts';
import { checkPart, notConfigured } from './part.ts';
import type { Part } from './part.ts';

/** Less free space may be too little for the next bundle with its model and dataset, or for a commit to the lake. On small disks: 10 %. */
const freeBytesMin = 1 << 30;

/** Checks the configuration and what the data home contains: the current bundle, the refreshes and the disks. */
export async function checkHome(
  options: Pick<CommonOptions, 'config'>,
  { home, environment, now }: { readonly home: HomePaths; readonly environment: CliEnvironment; readonly now: number },
): Promise<Part[]> {
  let config: FacetConfig | undefined;
  const configuration = await checkPart('configuration', async () => {
    const file = await chooseConfigFile(options);
    const checked = await checkFacetConfig(file, home);
    config = checked.config;
    // Only apps need to read the key of their certificate.
    const variables = findEnvironmentProblems(environment.inherited).filter(
      ({ path: [name = ''] }) => !name.startsWith('FACET_TLS_'),
    );
    const found = { [file]: checked.problems, 'the environment': variables };
    const problems = Object.entries(found).flatMap(([source, [first, ...others]]) =>
      first === undefined ? [] : [`${source} has ${countOf(others.length + 1, 'problem')}, first ${fieldOf(first)}`],
    );
    if (problems.length === 0) {
      const { length } = checked.warnings;
      const hint = length === 0 ? '' : `, ${countOf(length, 'warning')} of ${facet} config check`;
      return { state: 'healthy', details: `${(await pathExists(file)) ? file : 'all defaults'}${hint}` };
    }
    return {
      state: 'unhealthy',
      details: `${problems.join('; ')}. See them with: ${facet} config check.`,
    };
  });
  const hasHome = await pathExists(home.folder);
  const inHome = async (name: string, check: () => Promise<Omit<Part, 'name'>>): Promise<Part> =>
    checkPart(name, async () => (hasHome ? check() : notConfigured(`The data home ${home.folder} does not exist.`)));
  const parts = await Promise.all([
    inHome('bundle', async () => checkBundle(home, now)),
    inHome('refreshes', async () => checkRefreshes(home, config, now)),
    inHome('disk', async () => checkDisks(home)),
  ]);
  return [configuration, ...parts];
}

async function checkBundle(home: HomePaths, now: number): Promise<Omit<Part, 'name'>> {
  const store = openArtifactStore(home.artifactsFolder);
  const ref = await store.readRef('current');
  if (ref === undefined) {
    const runs = await createRunStore(home.runsFolder).list({ limit: 1 });
    if (runs.length > 0 || (await store.promotions()).length > 0) throw await noCurrentBundle(home.folder);
    return notConfigured(`No bundle yet. Build one with: ${facet} index --home ${home.folder}, or ${facet} refresh.`);
  }
  const { asOf, spec } = await readBundleInfo(store, ref);
  const ageDays = (now - asOf) / dayMs;
  return {
    state: 'healthy',
    details: `${shortId(ref.id)}, ${countOf(spec.itemCount, 'item')}, data until ${formatMinute(asOf)} UTC (${describeAge(ageDays)})`,
    facts: { bundleId: ref.id, items: spec.itemCount, dataEnd: new Date(asOf).toISOString(), ageDays },
  };
}

function describeAge(days: number): string {
  return days < 2 ? `${Math.round(24 * days)} hours ago` : `${countOf(Math.round(days), 'day')} ago`;
}

async function checkRefreshes(
  { runsFolder }: HomePaths,
  config: FacetConfig | undefined,
  now: number,
): Promise<Omit<Part, 'name'>> {
  const [last] = await createRunStore(runsFolder).list({ limit: 1 });
  const [next] = config === undefined || !isScheduled(config.refresh) ? [] : nextRefreshes(now, config.refresh, 1);
  const facts = {
    last: last === undefined ? null : { runId: last.run.runId, state: last.state, reason: last.reason ?? null },
    next: next ?? null,
  };
  if (last?.state === 'failed') {
    const reason = printable(last.reason ?? 'no reason recorded');
    return { state: 'unhealthy', details: `The run ${last.run.runId} failed: ${reason}`, facts };
  }
  const scheduled = next === undefined ? 'no schedule' : `a trainer refreshes at ${formatMinute(next.dueAt)} UTC`;
  const details = `${last === undefined ? 'no runs' : `run ${last.run.runId} ${last.state}`}, ${scheduled}`;
  return { state: 'healthy', details, facts };
}

/** Checks the disk of the home, and those of folders of the home that are mounts or links. */
async function checkDisks(home: HomePaths): Promise<Omit<Part, 'name'>> {
  const disks = new Map<number, { readonly folder: string; readonly freeBytes: number; readonly totalBytes: number }>();
  for (const folder of Object.values(home)) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory() !== true || disks.has(found.dev)) continue;
    const { bavail, blocks, bsize } = await statfs(folder);
    disks.set(found.dev, { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize });
  }
  const found = [...disks.values()];
  const details = found
    .map(
      ({ folder, freeBytes, totalBytes }) =>
        `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free in ${folder}`,
    )
    .join(', ');
  const facts = { disks: found };
  const isFull = found.some(({ freeBytes, totalBytes }) => freeBytes < Math.min(freeBytesMin, totalBytes / 10));
  if (!isFull) return { state: 'healthy', details, facts };
  return {
    state: 'unhealthy',
    details: `${details}. Free space, or lower artifacts.keep or exposures.retentionDays in facet.yaml.`,
    facts,
  };
}
