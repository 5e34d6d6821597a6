import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { until } from '@facet/local-services';
import type { FacetProcess, LocalRedis } from '@facet/local-services';
import { isAppError } from '@facet/platform';
import { fillDisk, flipByte } from '../disk.ts';

/** The processes and folders that scenarios act on. */
export interface ServingTestbed {
  readonly url: string;
  readonly serving: FacetProcess;
  readonly redis: LocalRedis;
  readonly store: ArtifactStore;
  readonly artifactsFolder: string;
  /** Small disk for exposures, or undefined without permission to mount. */
  readonly smallDisk: string | undefined;
  /** Adds another bundle to the store. */
  putBundle(): Promise<ArtifactRef>;
  choose(bound: number): number;
}

export interface ServingScenario {
  readonly name: string;
  readonly fault: string;
  /** Allowed number of failed requests, such as those in a killed worker. */
  readonly failedMax: number;
  readonly needsSmallDisk?: boolean;
  /** Injects the fault and reverts it. Returns a problem that the requests do not show. */
  run(testbed: ServingTestbed): Promise<string | undefined>;
}

const faultMs = 3_000;

/** Returns the bundle id of `/readyz`. */
async function readyBundle(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/readyz`);
  return ((await response.json()) as { bundleId?: string }).bundleId;
}

/** Waits until all processes serve a bundle. Connections go to the processes in turn. */
async function untilAllServe(url: string, { id }: ArtifactRef): Promise<void> {
  await until('the new bundle', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => readyBundle(url)));
    return ids.every((one) => one === id);
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
  {
    name: 'nothing',
    fault: 'none',
    failedMax: 0,
    run: async () => {
      await sleep(faultMs);
      return undefined;
    },
  },
  {
    name: 'redis down',
    fault: 'kill -9 of Redis, restarted after 3 s',
    failedMax: 0,
    async run({ redis }) {
      await redis.kill();
      await sleep(faultMs);
      await redis.start();
      return undefined;
    },
  },
  {
    name: 'redis hangs',
    fault: 'Redis stopped for 3 s with open connections',
    failedMax: 0,
    async run({ redis }) {
      process.kill(redis.pid, 'SIGSTOP');
      await sleep(faultMs);
      process.kill(redis.pid, 'SIGCONT');
      return undefined;
    },
  },
  {
    name: 'redis slow',
    fault: 'Redis runs 5 ms of every 45 ms for 3 s',
    failedMax: 0,
    async run({ redis }) {
      for (const end = performance.now() + faultMs; performance.now() < end;) {
        process.kill(redis.pid, 'SIGSTOP');
        await sleep(40);
        process.kill(redis.pid, 'SIGCONT');
        await sleep(5);
      }
      return undefined;
    },
  },
  {
    name: 'bundle corrupted',
    fault: 'bytes flipped before and after a promotion, then an intact bundle',
    failedMax: 0,
    async run({ url, store, artifactsFolder, putBundle, choose }) {
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
      const sound = await putBundle();
      await store.promote(sound);
      await untilAllServe(url, sound);
      if (!isRefused) return 'the damaged bundle was promoted';
      return during === before ? undefined : `serving uses the damaged bundle: ${during}`;
    },
  },
  {
    name: 'artifact store missing',
    fault: 'artifact folder missing for 3 s, then a promotion',
    failedMax: 0,
    async run({ url, store, artifactsFolder, putBundle }) {
      await rename(artifactsFolder, `${artifactsFolder}-away`);
      await sleep(faultMs);
      await rename(`${artifactsFolder}-away`, artifactsFolder);
      const next = await putBundle();
      await store.promote(next);
      await untilAllServe(url, next);
      return undefined;
    },
  },
  {
    name: 'clock jumps',
    fault: 'wall clock of all processes a day ahead for 1.5 s',
    failedMax: 0,
    async run({ serving }) {
      for (const pid of await workersOf(serving)) process.kill(pid, 'SIGWINCH');
      await sleep(faultMs / 2);
      for (const pid of await workersOf(serving)) process.kill(pid, 'SIGWINCH');
      await sleep(faultMs / 2);
      return undefined;
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
      return undefined;
    },
  },
  {
    name: 'disk full',
    fault: 'no space left for exposures for 3 s',
    failedMax: 0,
    needsSmallDisk: true,
    async run({ smallDisk }) {
      const ballast = await fillDisk(smallDisk!);
      await sleep(faultMs);
      await rm(ballast);
      return undefined;
    },
  },
];
