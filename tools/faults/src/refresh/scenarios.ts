import { setTimeout as sleep } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '@facet/local-services';
import { refreshStages } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport } from '@facet/pipeline/runs';
import { isAppError } from '@facet/platform';
import { Redis } from 'ioredis';
import { fillDisk, flipByte } from '../disk.ts';
import { jobLockSeconds } from './testbed.ts';
import type { Testbed } from './testbed.ts';

/** Seeded choices and timings of a scenario. */
export interface Moments {
  /** Returns a seeded uniform number below `bound`. */
  readonly choose: (bound: number) => number;
  /** Durations of the stages in the control run, in milliseconds. */
  readonly stageMs: Readonly<Record<RefreshStage, number>>;
}

/** Result of a scenario. */
export interface Outcome {
  /** Number of injected faults. */
  readonly faults: number;
  /** The runs in order. The last one must be promoted. */
  readonly reports: readonly RunReport[];
  /** Problems that the scenario found. */
  readonly problems?: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly fault: string;
  /** The folder on a small disk. */
  readonly smallDisk?: 'artifacts' | 'home';
  run(testbed: Testbed, moments: Moments): Promise<Outcome>;
}

async function begin(testbed: Testbed): Promise<string> {
  const runId = await testbed.request();
  await testbed.startApps();
  return runId;
}

/** Returns a delay in the first half of a stage, so that a quick stage still runs. */
function momentIn({ choose, stageMs }: Moments, stage: RefreshStage): number {
  return choose(Math.ceil(stageMs[stage] / 2));
}

/** Kills a part and restarts it. */
type Hit = (testbed: Testbed) => Promise<void>;

const redisDownMs = 2_000;

const hitApp =
  (name: 'trainer' | 'indexer'): Hit =>
  async (testbed) => {
    await testbed.killApp(testbed[name]);
    await testbed[name].start();
  };
const hitRedis: Hit = async ({ redis }) => {
  await redis.kill();
  await sleep(redisDownMs);
  await redis.start();
};
const hitEverything: Hit = async (testbed) => {
  await Promise.all([testbed.redis.kill(), testbed.killApp(testbed.trainer), testbed.killApp(testbed.indexer)]);
  await sleep(redisDownMs);
  // The apps restart first and wait for Redis.
  await Promise.all([testbed.trainer.start(), testbed.indexer.start()]);
  await testbed.redis.start();
};
const hitChild: Hit = async (testbed) => {
  const { pid } = await testbed.stageProcess();
  process.kill(pid, 'SIGKILL');
};

const victims = [
  { name: 'trainer', hit: hitApp('trainer') },
  { name: 'indexer', hit: hitApp('indexer') },
  { name: 'redis', hit: hitRedis },
] as const;

/** Kills a part after each finished stage, or once in each stage at a seeded moment. */
function killed(name: string, hit: Hit, moment: 'at boundaries' | 'inside stages'): Scenario {
  const isInside = moment === 'inside stages';
  return {
    name: `${name} ${moment}`,
    fault: `kill -9 of ${name} ${isInside ? 'at a random moment of' : 'after'} each stage`,
    async run(testbed, moments) {
      const runId = await begin(testbed);
      for (const stage of refreshStages) {
        await testbed.untilStage(runId, stage, ({ state }) => isInside || state === 'finished');
        if (isInside) await sleep(momentIn(moments, stage));
        await hit(testbed);
      }
      return { faults: refreshStages.length, reports: [await testbed.ended(runId)] };
    },
  };
}

/** Kills the process of each stage, at its start or at a seeded moment. */
function child(moment: 'at boundaries' | 'inside stages'): Scenario {
  return {
    name: `stage process ${moment}`,
    fault: `kill -9 of each stage's process ${moment === 'at boundaries' ? 'at its start' : 'at a random moment'}`,
    async run(testbed, moments) {
      const runId = await begin(testbed);
      let faults = 0;
      for (const stage of refreshStages) {
        const { attempt } = await testbed.untilStage(runId, stage, () => true);
        if (moment === 'inside stages') await sleep(momentIn(moments, stage));
        const report = await testbed.home.runs.read(runId);
        // The stage may have finished before the random moment.
        if (report.stages.find((record) => record.stage === stage)?.state !== 'running') continue;
        await hitChild(testbed);
        await testbed.untilStage(runId, stage, (record) => record.attempt > attempt || record.state !== 'running');
        faults++;
      }
      return { faults, reports: [await testbed.ended(runId)] };
    },
  };
}

function together(): Scenario {
  return {
    name: 'all together',
    fault: 'kill -9 of Redis, trainer and indexer together, in train and in index',
    async run(testbed, moments) {
      const runId = await begin(testbed);
      for (const stage of ['train', 'index'] as const) {
        await testbed.untilStage(runId, stage, () => true);
        await sleep(momentIn(moments, stage));
        await hitEverything(testbed);
      }
      return { faults: 2, reports: [await testbed.ended(runId)] };
    },
  };
}

function longOutage(): Scenario {
  const seconds = 3 * jobLockSeconds;
  return {
    name: 'long redis outage',
    fault: `Redis down for ${seconds} s in train with a job lock of ${jobLockSeconds} s, two trainers`,
    async run(testbed) {
      const runId = await testbed.request();
      await testbed.startApps({ trainers: 2 });
      await testbed.untilStage(runId, 'train', () => true);
      await testbed.redis.kill();
      await sleep(seconds * 1_000);
      await testbed.redis.start();
      return { faults: 1, reports: [await testbed.ended(runId)] };
    },
  };
}

function flushed(): Scenario {
  return {
    name: 'redis emptied',
    fault: 'FLUSHALL in train',
    async run(testbed, moments) {
      const runId = await begin(testbed);
      await testbed.untilStage(runId, 'train', () => true);
      await sleep(momentIn(moments, 'train'));
      const redis = new Redis(testbed.redis.url);
      await redis.flushall();
      redis.disconnect();
      return { faults: 1, reports: [await testbed.ended(runId)] };
    },
  };
}

function requestedWithoutRedis(): Scenario {
  return {
    name: 'requested without redis',
    fault: 'Redis down during the request of the refresh',
    async run(testbed) {
      await testbed.redis.kill();
      const problems: string[] = [];
      await testbed.request().then(
        () => problems.push('the request did not fail'),
        (error: unknown) => {
          if (!isAppError(error, 'REFRESH_QUEUE_UNREACHABLE')) throw error;
        },
      );
      await testbed.startApps();
      await testbed.redis.start();
      const [{ run } = { run: undefined }] = await testbed.home.runs.list();
      return { faults: 1, reports: [await testbed.ended(run!.runId)], problems };
    },
  };
}

/** Fills the disk at the start of a stage. After the failure, frees the disk and requests the day again. */
function diskFull(stage: RefreshStage, smallDisk: 'artifacts' | 'home'): Scenario {
  return {
    name: `${smallDisk} disk full in ${stage}`,
    fault: `no space left on the disk of the ${smallDisk} from the beginning of ${stage}`,
    smallDisk,
    async run(testbed) {
      const { folder, paths } = testbed.home;
      const disk = smallDisk === 'home' ? folder : paths.artifactsFolder;
      const runId = await begin(testbed);
      await testbed.untilStage(runId, stage, () => true);
      const ballast = await fillDisk(disk);
      // A full data home cannot record the failure either.
      if (smallDisk === 'home') {
        const { run } = await testbed.home.runs.read(runId);
        await until('the failure of the jobs', () => testbed.queue.failureOf(run));
      } else await testbed.ended(runId);
      await rm(ballast);
      const failed = await testbed.ended(runId);
      const problems = /space|full/i.test(failed.reason ?? '') ? [] : [`the reason is: ${failed.reason}`];
      const second = await testbed.request();
      return { faults: 1, reports: [failed, await testbed.ended(second)], problems };
    },
  };
}

/** Flips a byte in the output of a stage before the next stage opens it. */
function corrupted(kind: 'dataset' | 'model' | 'bundle', stage: RefreshStage): Scenario {
  return {
    name: `${kind} corrupted`,
    fault: `a byte of the ${kind} flipped after ${stage}`,
    async run(testbed, { choose }) {
      const runId = await begin(testbed);
      const { outputs } = await testbed.untilStage(runId, stage, ({ state }) => state === 'finished');
      const id = outputs![`${kind}Id`]!;
      const file = await flipByte(join(testbed.home.paths.artifactsFolder, kind, id), choose);
      const failed = await testbed.ended(runId);
      const isNamed = failed.reason?.includes(file) === true && failed.reason.includes(id);
      const problems = failed.state === 'failed' && isNamed ? [] : [`${failed.state}: ${failed.reason}, not ${file}`];
      const second = await testbed.request();
      return { faults: 1, reports: [failed, await testbed.ended(second)], problems };
    },
  };
}

/**
 * Fails the first run before its promotion and requests the day again. The indexer then still processes the waiting job of the
 * first run, which must not promote.
 */
function superseded(): Scenario {
  return {
    name: 'superseded run',
    fault: 'a second run of the day while the promotion of the first is delayed',
    async run(testbed) {
      const first = await begin(testbed);
      await testbed.untilStage(first, 'gate', ({ state }) => state === 'finished');
      await testbed.killApp(testbed.indexer);
      const delayed = { stage: 'promote' as const, attempt: 1, startedAt: 0, state: 'failed' as const };
      const problem = { code: 'FAULTS_DELAYED', message: 'failed by the fault suite' };
      await testbed.home.runs.write(first, { ...delayed, endedAt: 0, problem, willRetry: false });
      const second = await testbed.request(true);
      const problems = second === first ? ['the request created no second run'] : [];
      await testbed.indexer.start();
      const ended = await testbed.ended(second);
      const refused = await testbed.home.runs.read(first);
      if (refused.stages.at(-1)?.problem?.code !== 'PROMOTION_SUPERSEDED') {
        problems.push(`the first run is ${refused.state}: ${refused.reason}`);
      }
      return { faults: 1, reports: [refused, ended], problems };
    },
  };
}

export const scenarios: readonly Scenario[] = [
  ...victims.map(({ name, hit }) => killed(name, hit, 'at boundaries')),
  child('at boundaries'),
  ...victims.map(({ name, hit }) => killed(name, hit, 'inside stages')),
  child('inside stages'),
  together(),
  longOutage(),
  requestedWithoutRedis(),
  flushed(),
  ...(['train', 'index', 'promote'] as const).map((stage) => diskFull(stage, 'artifacts')),
  diskFull('train', 'home'),
  corrupted('dataset', 'dataset'),
  corrupted('model', 'train'),
  corrupted('bundle', 'index'),
  superseded(),
];
