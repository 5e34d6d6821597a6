import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import type { FacetProcess, LocalRedis } from '@facet/local-services';
import { isAppError } from '@facet/platform';
import { fillDisk, flipByte } from '../refresh/damage.ts';
import { until } from '../refresh/wait.ts';

/** What a scenario may do something to. */
export interface ServingPlant {
  readonly url: string;
  readonly serving: FacetProcess;
  readonly redis: LocalRedis;
  readonly store: ArtifactStore;
  readonly artifactsFolder: string;
  /** Where exposures are recorded: a small disk, or undefined where none may be mounted. */
  readonly smallDisk: string | undefined;
  /** Puts another bundle into the store. */
  putBundle(): Promise<ArtifactRef>;
  choose(bound: number): number;
}

export interface ServingScenario {
  readonly name: string;
  readonly fault: string;
  /** Requests that may fail, by reason: those that the killed worker was answering. */
  readonly failedMax: number;
  readonly needsSmallDisk?: boolean;
  /** Does it, and undoes it. @returns what is wrong, beside what requests tell. */
  run(plant: ServingPlant): Promise<string | undefined>;
}

const faultMs = 3_000;

/** Which bundle `/readyz` names. */
async function readyBundle(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/readyz`);
  return ((await response.json()) as { bundleId?: string }).bundleId;
}

/** Until every process answers from it: connections are given to them in turn. */
async function untilAllAnswerFrom(url: string, { id }: ArtifactRef): Promise<void> {
  await until('the new bundle', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => readyBundle(url)));
    return ids.every((one) => one === id) ? true : undefined;
  });
}

async function workersOf({ pid }: FacetProcess): Promise<number[]> {
  const children = async (of: number): Promise<number[]> =>
    (await readFile(`/proc/${of}/task/${of}/children`, 'utf8').catch(() => '')).split(' ').filter(Boolean).map(Number);
  // What keeps the process may stand between.
  const all: number[] = [];
  for (const child of await children(pid)) all.push(child, ...(await children(child)));
  const commands = await Promise.all(all.map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')));
  return all.filter((_, position) => commands[position]!.includes('serving/src/main.ts'));
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
    name: 'redis away',
    fault: 'kill -9 of Redis, back after 3 s',
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
    fault: 'Redis stopped for 3 s, its connections stay open',
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
    fault: 'Redis works 5 ms of every 45 for 3 s',
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
    fault: 'a byte flipped before a promotion, of another one just after it; then a sound one is',
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
      await untilAllAnswerFrom(url, sound);
      if (!isRefused) return 'the damaged bundle was promoted';
      return during === before ? undefined : `the damaged bundle answers: ${during}`;
    },
  },
  {
    name: 'artifact store gone',
    fault: 'the folder of artifacts away for 3 s; then a bundle is promoted',
    failedMax: 0,
    async run({ url, store, artifactsFolder, putBundle }) {
      await rename(artifactsFolder, `${artifactsFolder}-away`);
      await sleep(faultMs);
      await rename(`${artifactsFolder}-away`, artifactsFolder);
      const next = await putBundle();
      await store.promote(next);
      await untilAllAnswerFrom(url, next);
      return undefined;
    },
  },
  {
    name: 'clock jumps',
    fault: 'the wall clock of all processes a day on, after 1.5 s back again',
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
    // With 100 requests a second hardly more than one or two are being answered by it.
    failedMax: 5,
    async run({ url, serving }) {
      // The first is the one that supervises.
      const [, worker = 0] = (await workersOf(serving)).slice(-2);
      process.kill(worker, 'SIGKILL');
      await until('another worker', async () => {
        const text = await (await fetch(`${url}/metrics`)).text();
        return text.includes('facet_serving_workers 2') ? true : undefined;
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
