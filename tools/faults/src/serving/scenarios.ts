import { rmSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactRef } from '@facet/artifacts';
import { bundleContents, createBundleStore } from '@facet/bundles/testing';
import { createRandom } from '@facet/features';
import { createScratchFolder, startFacetProcess, startRedis, until } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { isAppError } from '@facet/platform';
import { openRedisProfileStore } from '@facet/profiles';
import { fillDisk, flipByte, mountSmallDisk } from '../disk.ts';

/** The processes and folders that scenarios act on. */
export type ServingTestbed = Awaited<ReturnType<typeof startTestbed>>;

export interface ServingScenario {
  readonly name: string;
  readonly fault: string;
  /** Allowed number of failed requests, such as those in a killed worker; 0 by default. */
  readonly failedMax?: number;
  readonly needsSmallDisk?: boolean;
  /** Injects the fault and reverts it. Returns a problem that the requests do not show. */
  run(testbed: ServingTestbed): Promise<string | void>;
}

const faultMs = 3_000;

/** Starts serving with two processes, a small bundle, the profile of a user in Redis, and, with permission to mount, a small disk for exposures. */
export async function startTestbed(seed: number) {
  const { path: folder } = await createScratchFolder('faults-serving');
  const exposuresFolder = join(folder, 'exposures');
  const smallDisk = await mountSmallDisk(exposuresFolder, 8);
  const [{ store, root, ...bundles }, redis] = await Promise.all([
    createBundleStore(),
    startRedis({ persistent: true }),
  ]);
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  let count = 0;
  /** Adds another bundle to the store. */
  const putBundle = (): Promise<ArtifactRef> => {
    const contents = bundleContents();
    return bundles.put({ ...contents, info: { ...contents.info, modelId: `model-${++count}` } });
  };
  await store.promote(await putBundle());
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
  await mkdir(exposuresFolder, { recursive: true });
  await symlink(root, join(folder, 'artifacts'));
  await writeFile(join(folder, 'facet.yaml'), '');
  const serving = await startFacetProcess({
    app: 'serving',
    env: {
      FACET_HOME: folder,
      FACET_CONFIG: join(folder, 'facet.yaml'),
      FACET_REDIS_URL: redis.url,
      FACET_PROCESSES: '2',
      FACET_INSECURE: 'true',
      FACET_WATCH_INTERVAL_MS: '200',
      NODE_OPTIONS: `--import ${join(import.meta.dirname, 'clock-shift.js')}`,
    },
    readySeconds: 120,
  });
  return {
    url: serving.url,
    serving,
    redis,
    store,
    artifactsFolder: root,
    smallDisk,
    putBundle,
    choose: createRandom(seed).int,
  };
}

/** Returns the bundle id of `/readyz`. */
export async function readyBundle(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/readyz`);
  return ((await response.json()) as { bundleId?: string }).bundleId;
}

/** Adds a bundle, promotes it, and waits until all processes serve it. Connections go to the processes in turn. */
async function untilNextServes({ url, store, putBundle }: ServingTestbed): Promise<void> {
  const next = await putBundle();
  await store.promote(next);
  await until('the new bundle', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => readyBundle(url)));
    return ids.every((one) => one === next.id);
  });
}

async function workersOf({ pid }: FacetProcess): Promise<number[]> {
  const children = async (of: number): Promise<number[]> =>
    (await readFile(`/proc/${of}/task/${of}/children`, 'utf8').catch(() => '')).split(' ').filter(Boolean).map(Number);
  // A supervisor may sit between the two processes.
  const all: number[] = [];
  for (const child of await children(pid)) all.push(child, ...(await children(child)));
  const commands = await Promise.all(all.map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')));
  return all.filter((_, position) => commands[position]!.includes('serving/dist/main.js'));
}

export const servingScenarios: readonly ServingScenario[] = [
  { name: 'nothing', fault: 'none', run: () => sleep(faultMs) },
  {
    name: 'redis down',
    fault: 'kill -9 of Redis, restarted after 3 s',
    async run({ redis }) {
      await redis.kill();
      await sleep(faultMs);
      await redis.start();
    },
  },
  {
    name: 'redis hangs',
    fault: 'Redis stopped for 3 s with open connections',
    async run({ redis }) {
      process.kill(redis.pid, 'SIGSTOP');
      await sleep(faultMs);
      process.kill(redis.pid, 'SIGCONT');
    },
  },
  {
    name: 'redis slow',
    fault: 'Redis runs 5 ms of every 45 ms for 3 s',
    async run({ redis }) {
      for (const end = performance.now() + faultMs; performance.now() < end;) {
        process.kill(redis.pid, 'SIGSTOP');
        await sleep(40);
        process.kill(redis.pid, 'SIGCONT');
        await sleep(5);
      }
    },
  },
  {
    name: 'bundle corrupted',
    fault: 'bytes flipped before and after a promotion, then an intact bundle',
    async run(testbed) {
      const { url, store, artifactsFolder, putBundle, choose } = testbed;
      const before = await readyBundle(url);
      const damaged = await putBundle();
      await flipByte(join(artifactsFolder, 'bundle', damaged.id), choose);
      const isRefused = await store.promote(damaged).then(
        () => false,
        (error: unknown) => isAppError(error, 'ARTIFACT_CORRUPT'),
      );
      const promoted = await putBundle();
      await store.promote(promoted);
      await flipByte(join(artifactsFolder, 'bundle', promoted.id), choose);
      await sleep(faultMs);
      const during = await readyBundle(url);
      await untilNextServes(testbed);
      if (!isRefused) return 'the damaged bundle was promoted';
      return during === before ? undefined : `serving uses the damaged bundle: ${during}`;
    },
  },
  {
    name: 'artifact store missing',
    fault: 'artifact folder missing for 3 s, then a promotion',
    async run(testbed) {
      const { artifactsFolder } = testbed;
      await rename(artifactsFolder, `${artifactsFolder}-away`);
      await sleep(faultMs);
      await rename(`${artifactsFolder}-away`, artifactsFolder);
      await untilNextServes(testbed);
    },
  },
  {
    name: 'clock jumps',
    fault: 'wall clock of all processes a day ahead for 1.5 s',
    async run({ serving }) {
      for (let jump = 0; jump < 2; jump++) {
        for (const pid of await workersOf(serving)) process.kill(pid, 'SIGWINCH');
        await sleep(faultMs / 2);
      }
    },
  },
  {
    name: 'worker killed',
    fault: 'kill -9 of one of two workers',
    // At 100 requests per second, a worker processes one or two at a time.
    failedMax: 5,
    async run({ url, serving }) {
      // The first process is the supervisor.
      const [, worker = 0] = (await workersOf(serving)).slice(-2);
      process.kill(worker, 'SIGKILL');
      await until('a new worker', async () => {
        // The request may have reached the killed worker.
        const response = await fetch(`${url}/metrics`).catch(() => undefined);
        return (await response?.text())?.includes('facet_serving_workers 2');
      });
    },
  },
  {
    name: 'disk full',
    fault: 'no space left for exposures for 3 s',
    needsSmallDisk: true,
    async run({ smallDisk }) {
      const ballast = await fillDisk(smallDisk!.folder);
      await sleep(faultMs);
      await rm(ballast);
    },
  },
];
