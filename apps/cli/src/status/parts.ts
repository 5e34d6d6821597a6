import { stat, statfs } from 'node:fs/promises';
import { openArtifactStore } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { checkFacetConfig, FacetConfig } from '@facet/config';
import { findEnvironmentProblems } from '@facet/config/environment';
import type { HomePaths } from '@facet/config/home-paths';
import { readInstallation, refuseOtherInstallation } from '@facet/config/installation';
import type { InstallationKey } from '@facet/config/installation';
import { parseRedisFiles } from '@facet/config/connections';
import { createRunStore, isScheduled, nextRefreshes } from '@facet/runs';
import { dayMs, describeError, fieldOf, parseWith, pathExists } from '@facet/platform';
import { facet } from '../command.ts';
import type { CommandContext, CommonOptions } from '../command.ts';
import type { CliEnvironment } from '../config.ts';
import { chooseConfigFile, noCurrentBundle } from '../home.ts';
import { countOf, formatBytes, formatMinute, printable, shortId } from '../terminal/text.ts';

/** The health of one part of an installation. */
export interface Part {
  readonly name: string;
  /** `not-configured`: no setting names the part, and nothing responds at its default address. */
  readonly state: 'healthy' | 'unhealthy' | 'not-configured';
  /** What a person wants to know: figures, or the problem and its remedy. */
  readonly details: string;
  /** The same figures for programs. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Runs the check of a part. An error makes the part unhealthy, with message and remedy as details. */
export async function checkPart(name: string, check: () => Promise<Omit<Part, 'name'>>): Promise<Part> {
  try {
    return { name, ...(await check()) };
  } catch (error) {
    return { name, state: 'unhealthy', details: describeError(error) };
  }
}

export function notConfigured(details: string): Omit<Part, 'name'> {
  return { state: 'not-configured', details };
}

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

/** A first connection with TLS takes longer than a request of serving may. */
const redisTimeoutMs = 5_000;
/** Enough for all attempts of the client to connect, whose last error says why. */
const kafkaTimeoutMs = 8_000;

/**
 * Connects to Kafka and to both roles of Redis, as far as the environment names them. Loads the clients only then, because that
 * takes longer than all other checks.
 */
export async function checkServices(home: HomePaths, context: Pick<CommandContext, 'environment'>): Promise<Part[]> {
  const { kafkaBrokers, redisUrl, queueUrl, queuePrefix, inherited } = context.environment;
  const refuseOther = async (key: InstallationKey): Promise<void> => {
    const installation = await readInstallation(home);
    if (installation !== undefined) refuseOtherInstallation(installation, key.location, await key.read());
  };
  return Promise.all([
    checkPart('kafka', async () => {
      if (kafkaBrokers === undefined) return notConfigured('FACET_KAFKA_BROKERS is not set.');
      const { withKafka } = await import('../kafka-log.ts');
      const brokers = await withKafka({}, context, async (kafka) =>
        withinKafkaTimeout(async () => (await (await kafka.admin()).describeCluster()).brokers.length),
      );
      return { state: 'healthy', details: `${countOf(brokers, 'broker')} at ${kafkaBrokers}`, facts: { brokers } };
    }),
    checkPart('profiles', async () => {
      if (redisUrl === undefined) return notConfigured('FACET_REDIS_URL is not set.');
      const { openRedisProfileStore, probeUserId } = await import('@facet/profiles');
      const store = await openRedisProfileStore({
        ...parseRedisFiles('FACET_REDIS', inherited, redisUrl),
        url: redisUrl,
        connectTimeoutMs: redisTimeoutMs,
        readTimeoutMs: redisTimeoutMs,
      });
      try {
        await refuseOther(store.installation);
        // The permissions for reading profiles may be missing.
        await store.read(probeUserId);
        const unsafe = await store.checkSettings();
        return { state: 'healthy', details: ['Redis responds', ...unsafe].join('; '), facts: { unsafe } };
      } finally {
        await store.close();
      }
    }),
    checkPart('queue', async () => {
      if (queueUrl === undefined) return notConfigured('FACET_QUEUE_URL is not set.');
      const [{ openRefreshQueue, withQueueInstallation }, { createRunStore }, { openStore }] = await Promise.all([
        import('@facet/refresh'),
        import('@facet/runs'),
        import('../home.ts'),
      ]);
      // Counting jobs needs none of these settings.
      const schedule = parseWith(FacetConfig, {}, { source: 'the defaults' }).refresh;
      const deps = { runs: createRunStore(home.runsFolder), store: openStore(home.folder), schedule, now: Date.now };
      const options = {
        redisUrl: queueUrl,
        redisFiles: parseRedisFiles('FACET_QUEUE', inherited, queueUrl),
        prefix: queuePrefix,
      };
      await withQueueInstallation(options, refuseOther);
      const queue = openRefreshQueue(deps, options);
      try {
        const jobs = await queue.counts();
        return { state: 'healthy', details: 'Redis responds', facts: { jobs } };
      } finally {
        await queue.close();
      }
    }),
  ]);
}

/** The client retries longer than a person waits for the status. */
async function withinKafkaTimeout<Result>(call: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no response within ${kafkaTimeoutMs / 1000} s`)), kafkaTimeoutMs);
  });
  try {
    return await Promise.race([call(), timeout]);
  } catch (error) {
    const { unreachable } = await import('@facet/kafka');
    throw unreachable('Kafka does not respond', error);
  } finally {
    clearTimeout(timer);
  }
}
