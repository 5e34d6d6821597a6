import { setTimeout as sleep } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { refreshStages } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport } from '@facet/pipeline/runs';
import { isAppError } from '@facet/platform';
import { Redis } from 'ioredis';
import { fillDisk, flipByte } from './damage.ts';
import { lockSeconds } from './plant.ts';
import type { Plant } from './plant.ts';
import { until } from './wait.ts';

/** What a scenario may choose from. */
export interface Dice {
  /** A seeded uniform number below `bound`. */
  readonly choose: (bound: number) => number;
  /** How long the stages of the undisturbed run took, milliseconds. */
  readonly stageMs: Readonly<Record<RefreshStage, number>>;
}

/** What became of a flow under a fault. */
export interface Outcome {
  /** How often something was done to it. */
  readonly faults: number;
  /** The runs, in order; the last one is to be promoted. */
  readonly reports: readonly RunReport[];
  /** What the scenario itself has found wrong. */
  readonly problems?: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly fault: string;
  /** What lies on a small disk. */
  readonly smallDisk?: 'artifacts' | 'home';
  /** Done again in each round, with other moments. */
  readonly isRandom?: boolean;
  run(plant: Plant, dice: Dice): Promise<Outcome>;
}

async function begin(plant: Plant): Promise<string> {
  const runId = await plant.request();
  await plant.startApps();
  return runId;
}

/** Milliseconds into a stage: within its first half, so that one that happens to be quick is still at work. */
function momentIn({ choose, stageMs }: Dice, stage: RefreshStage): number {
  return choose(Math.ceil(stageMs[stage] / 2));
}

/** Something that dies and comes back. */
type Hit = (plant: Plant) => Promise<void>;

const redisAwayMs = 2_000;

const hitApp =
  (name: 'trainer' | 'indexer'): Hit =>
  async (plant) => {
    await plant.killApp(plant[name]);
    await plant[name].start();
  };
const hitRedis: Hit = async ({ redis }) => {
  await redis.kill();
  await sleep(redisAwayMs);
  await redis.start();
};
const hitEverything: Hit = async (plant) => {
  await Promise.all([plant.redis.kill(), plant.killApp(plant.trainer), plant.killApp(plant.indexer)]);
  await sleep(redisAwayMs);
  // The apps come back first, and wait.
  await Promise.all([plant.trainer.start(), plant.indexer.start()]);
  await plant.redis.start();
};
const hitChild: Hit = async (plant) => {
  const { pid } = await plant.stageProcess();
  process.kill(pid, 'SIGKILL');
};

const victims = [
  { name: 'trainer', hit: hitApp('trainer') },
  { name: 'indexer', hit: hitApp('indexer') },
  { name: 'redis', hit: hitRedis },
] as const;

/** As soon as a stage is said to be finished, once for each. */
function atBoundaries(name: string, hit: Hit): Scenario {
  return {
    name: `${name} at boundaries`,
    fault: `kill -9 of ${name} whenever a stage has finished`,
    async run(plant) {
      const runId = await begin(plant);
      let faults = 0;
      for (const stage of refreshStages) {
        await plant.untilStage(runId, stage, ({ state }) => state === 'finished');
        await hit(plant);
        faults++;
      }
      return { faults, reports: [await plant.ended(runId)] };
    },
  };
}

/** Once in each stage, at a seeded moment of it. */
function inside(name: string, hit: Hit): Scenario {
  return {
    name: `${name} inside stages`,
    fault: `kill -9 of ${name} at a random moment of each stage`,
    isRandom: true,
    async run(plant, dice) {
      const runId = await begin(plant);
      let faults = 0;
      for (const stage of refreshStages) {
        await plant.untilStage(runId, stage, () => true);
        await sleep(momentIn(dice, stage));
        await hit(plant);
        faults++;
      }
      return { faults, reports: [await plant.ended(runId)] };
    },
  };
}

/** The process of each stage: as soon as it is there, or at a seeded moment while it works. */
function child(moment: 'at boundaries' | 'inside stages'): Scenario {
  return {
    name: `stage process ${moment}`,
    fault: `kill -9 of each stage's process ${moment === 'at boundaries' ? 'as it begins' : 'at a random moment'}`,
    isRandom: moment === 'inside stages',
    async run(plant, dice) {
      const runId = await begin(plant);
      let faults = 0;
      for (const stage of refreshStages) {
        const { attempt } = await plant.untilStage(runId, stage, () => true);
        if (moment === 'inside stages') await sleep(momentIn(dice, stage));
        const report = await plant.home.runs.read(runId);
        // At a random moment it may be done.
        if (report.stages.find((record) => record.stage === stage)?.state !== 'running') continue;
        await hitChild(plant);
        await plant.untilStage(runId, stage, (record) => record.attempt > attempt || record.state !== 'running');
        faults++;
      }
      return { faults, reports: [await plant.ended(runId)] };
    },
  };
}

function together(): Scenario {
  return {
    name: 'everything at once',
    fault: 'kill -9 of Redis, trainer and indexer together, in train and in index',
    isRandom: true,
    async run(plant, dice) {
      const runId = await begin(plant);
      for (const stage of ['train', 'index'] as const) {
        await plant.untilStage(runId, stage, () => true);
        await sleep(momentIn(dice, stage));
        await hitEverything(plant);
      }
      return { faults: 2, reports: [await plant.ended(runId)] };
    },
  };
}

function longOutage(): Scenario {
  const seconds = 3 * lockSeconds;
  return {
    name: 'redis away for long',
    fault: `Redis away for ${seconds} s in train, its lock lasts ${lockSeconds} s, two trainers`,
    async run(plant) {
      const runId = await plant.request();
      await plant.startApps({ trainers: 2 });
      await plant.untilStage(runId, 'train', () => true);
      await plant.redis.kill();
      await sleep(seconds * 1_000);
      await plant.redis.start();
      return { faults: 1, reports: [await plant.ended(runId)] };
    },
  };
}

function flushed(): Scenario {
  return {
    name: 'redis emptied',
    fault: 'FLUSHALL in train',
    isRandom: true,
    async run(plant, dice) {
      const runId = await begin(plant);
      await plant.untilStage(runId, 'train', () => true);
      await sleep(momentIn(dice, 'train'));
      const redis = new Redis(plant.redis.url);
      await redis.flushall();
      redis.disconnect();
      return { faults: 1, reports: [await plant.ended(runId)] };
    },
  };
}

function askedWithoutRedis(): Scenario {
  return {
    name: 'asked without redis',
    fault: 'Redis is away when the refresh is asked for',
    async run(plant) {
      await plant.redis.kill();
      const problems: string[] = [];
      await plant.request().then(
        () => problems.push('asking did not fail'),
        (error: unknown) => {
          if (!isAppError(error, 'REFRESH_QUEUE_UNREACHABLE')) throw error;
        },
      );
      await plant.startApps();
      await plant.redis.start();
      const [{ run } = { run: undefined }] = await plant.home.runs.list();
      return { faults: 1, reports: [await plant.ended(run!.runId)], problems };
    },
  };
}

/** The disk fills as a stage begins; when the run has failed, there is room again, and the day is asked for once more. */
function diskFull(stage: RefreshStage, smallDisk: 'artifacts' | 'home'): Scenario {
  return {
    name: `${smallDisk} disk full in ${stage}`,
    fault: `no space left on the disk of the ${smallDisk} from the beginning of ${stage}`,
    smallDisk,
    async run(plant) {
      const { folder, paths } = plant.home;
      const disk = smallDisk === 'home' ? folder : paths.artifactsFolder;
      const runId = await begin(plant);
      await plant.untilStage(runId, stage, () => true);
      const ballast = await fillDisk(disk);
      // On a full home nothing can be noted, not even that it has failed.
      if (smallDisk === 'home') {
        const { run } = await plant.home.runs.read(runId);
        await until('the failure of the jobs', () => plant.queue.failureOf(run));
      } else await plant.ended(runId);
      await rm(ballast);
      const failed = await plant.ended(runId);
      const problems = /space|full/i.test(failed.reason ?? '') ? [] : [`the reason is: ${failed.reason}`];
      const second = await plant.request();
      return { faults: 1, reports: [failed, await plant.ended(second)], problems };
    },
  };
}

/** A byte of what a stage has made is flipped before the next one opens it. */
function corrupted(kind: 'dataset' | 'model' | 'bundle', stage: RefreshStage): Scenario {
  return {
    name: `${kind} corrupted`,
    fault: `a byte of the ${kind} flipped after ${stage}`,
    async run(plant, { choose }) {
      const runId = await begin(plant);
      const { outputs } = await plant.untilStage(runId, stage, ({ state }) => state === 'finished');
      const id = outputs![`${kind}Id`]!;
      const file = await flipByte(join(plant.home.paths.artifactsFolder, kind, id), choose);
      const failed = await plant.ended(runId);
      const isNamed = failed.reason?.includes(file) === true && failed.reason.includes(id);
      const problems = failed.state === 'failed' && isNamed ? [] : [`${failed.state}: ${failed.reason}, not ${file}`];
      const second = await plant.request();
      return { faults: 1, reports: [failed, await plant.ended(second)], problems };
    },
  };
}

/**
 * The first run fails on its way to be promoted, so the day is asked for again; then the job of the first, which has waited
 * for an indexer, is worked on all the same.
 */
function superseded(): Scenario {
  return {
    name: 'superseded run',
    fault: 'a second run of the day while the promotion of the first is held up',
    async run(plant) {
      const first = await begin(plant);
      await plant.untilStage(first, 'gate', ({ state }) => state === 'finished');
      await plant.killApp(plant.indexer);
      const heldUp = { stage: 'promote' as const, attempt: 1, startedAt: 0, state: 'failed' as const };
      const problem = { code: 'FAULTS_HELD_UP', message: 'given up by its host' };
      await plant.home.runs.write(first, { ...heldUp, endedAt: 0, problem, willRetry: false });
      const second = await plant.request(true);
      const problems = second === first ? ['no second run was made'] : [];
      await plant.indexer.start();
      const ended = await plant.ended(second);
      const refused = await plant.home.runs.read(first);
      if (refused.stages.at(-1)?.problem?.code !== 'PROMOTION_SUPERSEDED') {
        problems.push(`the first run is ${refused.state}: ${refused.reason}`);
      }
      return { faults: 1, reports: [refused, ended], problems };
    },
  };
}

export const scenarios: readonly Scenario[] = [
  ...victims.map(({ name, hit }) => atBoundaries(name, hit)),
  child('at boundaries'),
  ...victims.map(({ name, hit }) => inside(name, hit)),
  child('inside stages'),
  together(),
  longOutage(),
  askedWithoutRedis(),
  flushed(),
  ...(['train', 'index', 'promote'] as const).map((stage) => diskFull(stage, 'artifacts')),
  diskFull('train', 'home'),
  corrupted('dataset', 'dataset'),
  corrupted('model', 'train'),
  corrupted('bundle', 'index'),
  superseded(),
];
