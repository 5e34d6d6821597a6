import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleContents, createBundleStore } from '@facet/bundles/testing';
import { createRandom } from '@facet/features';
import {
  createScratchFolder,
  json,
  logProgress,
  option,
  printResults,
  readCommandLine,
  startFacetProcess,
  startRedis,
} from '@facet/local-services';
import { alignColumns } from '@facet/platform';
import { openRedisProfileStore } from '@facet/profiles';
import { mountSmallDisk } from '../disk.ts';
import { servingScenarios } from './scenarios.ts';
import type { ServingTestbed, ServingScenario } from './scenarios.ts';
import { SteadyLoad } from './steady-load.ts';
import type { TimedRequest } from './steady-load.ts';

const { values } = readCommandLine({
  usage: 'npm run test:faults -- serving',
  summary: 'Break the dependencies of serving while 100 requests per second arrive',
  options: {
    seed: option.seed('Seed of the random choices', 1),
    only: option.text('TEXT', 'Run the scenarios whose name contains TEXT', ''),
    json,
  },
  notes: `Two serving processes use a small bundle, profiles in a real Redis, and a separate disk for exposures. For each fault the suite
reports the failed requests, the responses without a profile, the longest latency, and the recovery time: from the end of
the fault to the last response that failed, lacked the profile or took more than 250 ms.

Exit code: 0 when no scenario exceeds its allowed failures, 1 otherwise. A killed worker may fail the requests it is processing.
The scenario with a full disk needs permission to mount a tmpfs (root on Linux).`,
});

interface Row {
  readonly scenario: string;
  readonly fault: string;
  readonly requests: number;
  readonly failed: number;
  readonly degraded: number;
  readonly longestMs: number;
  readonly recoveryMs: number;
  readonly problem: string | undefined;
}

const perSecond = 100;
const slowMs = 250;
/** Pause before and after each fault. */
const calmMs = 2_000;

const { path: folder } = await createScratchFolder('faults-serving');
const disk = await mountSmallDisk(join(folder, 'exposures'), 8);
const [bundleStore, redis] = await Promise.all([createBundleStore(), startRedis({ persistent: true })]);
const rows: Row[] = [];
try {
  const testbed = await startTestbed();
  for (const scenario of servingScenarios) {
    if (!scenario.name.includes(values.only)) continue;
    if (scenario.needsSmallDisk === true && testbed.smallDisk === undefined) continue;
    logProgress(scenario.name);
    rows.push(await play(scenario, testbed));
  }
  const exitCode = await testbed.serving.stop();
  if (exitCode !== 0) throw new Error(`the serving app exited with ${exitCode}:\n${testbed.serving.errorOutput()}`);
} finally {
  await redis.stop();
  await bundleStore.remove();
  await disk?.unmount();
}
const isPassed = rows.every(({ problem }) => problem === undefined);
report();
process.exit(isPassed ? 0 : 1);

async function startTestbed(): Promise<ServingTestbed> {
  let bundles = 0;
  const putBundle = () => {
    const contents = bundleContents();
    return bundleStore.put({ ...contents, info: { ...contents.info, modelId: `model-${++bundles}` } });
  };
  await bundleStore.store.promote(await putBundle());
  const profiles = await openRedisProfileStore({ url: redis.url, connectTimeoutMs: 5_000 });
  await profiles.apply(
    ['item1', 'item2', 'item3'].map((itemId, position) => ({
      kind: 'event',
      userId: 'ada',
      receivedAt: Date.now(),
      event: { eventId: itemId, type: 'purchase', itemId, occurredAt: Date.now() - 3_600_000 * (3 - position) },
    })),
  );
  await profiles.close();
  await mkdir(join(folder, 'exposures'), { recursive: true });
  await symlink(bundleStore.root, join(folder, 'artifacts'));
  await writeFile(join(folder, 'facet.yaml'), '');
  const shift = fileURLToPath(new URL('clock-shift.js', import.meta.url));
  const serving = await startFacetProcess({
    app: 'serving',
    env: {
      FACET_HOME: folder,
      FACET_CONFIG: join(folder, 'facet.yaml'),
      FACET_REDIS_URL: redis.url,
      FACET_PROCESSES: '2',
      FACET_INSECURE: 'true',
      FACET_WATCH_INTERVAL_MS: '200',
      NODE_OPTIONS: `--import ${shift}`,
    },
    readySeconds: 120,
  });
  return {
    url: serving.url,
    serving,
    redis,
    store: bundleStore.store,
    artifactsFolder: bundleStore.root,
    smallDisk: disk?.folder,
    putBundle,
    choose: createRandom(values.seed).int,
  };
}

async function play(scenario: ServingScenario, testbed: ServingTestbed): Promise<Row> {
  const load = new SteadyLoad(testbed.url, perSecond);
  await sleep(calmMs);
  const begin = performance.now();
  const problem = await scenario.run(testbed).catch((error: unknown) => String(error));
  const end = performance.now();
  await sleep(calmMs);
  const requests = (await load.stop()).filter(({ at }) => at >= begin);
  const isFailed = ({ status }: TimedRequest): boolean => status !== 200;
  const bad = requests.filter((one) => isFailed(one) || one.isDegraded || one.ms > slowMs);
  const failed = requests.filter(isFailed).length;
  const tooMany =
    failed > scenario.failedMax ? `${failed} requests failed, at most ${scenario.failedMax} allowed` : undefined;
  return {
    scenario: scenario.name,
    fault: scenario.fault,
    requests: requests.length,
    failed,
    degraded: requests.filter(({ isDegraded }) => isDegraded).length,
    longestMs: requests.reduce((longest, { ms }) => Math.max(longest, ms), 0),
    recoveryMs: bad.reduce((last, { at, ms }) => Math.max(last, at + ms - end), 0),
    problem: problem ?? tooMany,
  };
}

function report(): void {
  const problems = rows.flatMap(({ scenario, problem }) => (problem === undefined ? [] : [`${scenario}: ${problem}`]));
  printResults(values.json, { ok: isPassed, rows }, [
    ...alignColumns([
      ['scenario', 'fault', 'requests', 'failed', 'no profile', 'longest', 'recovered'],
      ...rows.map(({ scenario, fault, requests, failed, degraded, longestMs, recoveryMs }) => [
        scenario,
        fault,
        String(requests),
        String(failed),
        String(degraded),
        `${longestMs.toFixed(0)} ms`,
        recoveryMs === 0 ? 'immediately' : `after ${recoveryMs.toFixed(0)} ms`,
      ]),
    ]),
    ...problems,
    isPassed ? 'ok' : 'FAILED',
  ]);
}
