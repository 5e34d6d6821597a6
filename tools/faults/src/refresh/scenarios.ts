import { setTimeout as sleep } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { askRedis, until } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { refreshStages } from '@facet/runs';
import type { RefreshStage, RunReport } from '@facet/runs';
import { isAppError } from '@facet/platform';
import { fillDisk, flipByte } from '../disk.ts';
import { jobLockSeconds } from './testbed.ts';
import type { Testbed } from './testbed.ts';

/** Seeded choices and timings of a scenario. */
interface Moments {
  /** Returns a seeded uniform number below `bound`. */
  readonly choose: (bound: number) => number;
  /** Durations of the stages in the control run, in milliseconds. */
  readonly stageMs: Readonly<Record<RefreshStage, number>>;
}

interface Outcome {
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

const redisDownMs = 2_000;

const hitApp = async ({ killApp }: Testbed, app: FacetProcess): Promise<void> => {
  await killApp(app);
  await app.start();
};

/** Kills a part and restarts it. */
const hits: Readonly<Record<string, (testbed: Testbed) => Promise<void>>> = {
  trainer: (testbed) => hitApp(testbed, testbed.trainer),
  indexer: (testbed) => hitApp(testbed, testbed.indexer),
  async redis({ redis }) {
    await redis.kill();
    await sleep(redisDownMs);
    await redis.start();
  },
};

/** A moment of each stage: its start or its end, or a seeded moment within it. */
type Moment = 'at boundaries' | 'inside stages';

/** Kills a part after each finished stage, or once in each stage at a seeded moment. */
function killed(name: string, moment: Moment): Scenario {
  const isInside = moment === 'inside stages';
  return {
    name: `${name} ${moment}`,
    fault: `kill -9 of ${name} ${isInside ? 'at a random moment of' : 'after'} each stage`,
    async run(testbed, moments) {
      const runId = await begin(testbed);
      for (const stage of refreshStages) {
        await testbed.untilStage(runId, stage, ({ state }) => isInside || state === 'finished');
        if (isInside) await sleep(momentIn(moments, stage));
        await hits[name]!(testbed);
      }
      return { faults: refreshStages.length, reports: [await testbed.ended(runId)] };
    },
  };
}

/** Kills the process of each stage, at its start or at a seeded moment. */
function child(moment: Moment): Scenario {
  return {
    name: `stage process ${moment}`,
    fault: `kill -9 of each stage's process ${moment === 'at boundaries' ? 'at its start' : 'at a random moment'}`,
    async run(testbed, moments) {
      const runId = await begin(testbed);
      let faults = 0;
      for (const stage of refreshStages) {
        const { attempt } = await testbed.untilStage(runId, stage);
        if (moment === 'inside stages') await sleep(momentIn(moments, stage));
        const report = await testbed.home.runs.read(runId);
        // The stage may have finished before the random moment.
        if (report.stages.find((record) => record.stage === stage)?.state !== 'running') continue;
        process.kill((await testbed.stageProcess()).pid, 'SIGKILL');
        await testbed.untilStage(runId, stage, (record) => record.attempt > attempt || record.state !== 'running');
        faults++;
      }
      return { faults, reports: [await testbed.ended(runId)] };
    },
  };
}

const together: Scenario = {
  name: 'all together',
  fault: 'kill -9 of Redis, trainer and indexer together, in train and in index',
  async run(testbed, moments) {
    const { redis, trainer, indexer, killApp } = testbed;
    const runId = await begin(testbed);
    for (const stage of ['train', 'index'] as const) {
      await testbed.untilStage(runId, stage);
      await sleep(momentIn(moments, stage));
      await Promise.all([redis.kill(), killApp(trainer), killApp(indexer)]);
      await sleep(redisDownMs);
      // The apps restart first and wait for Redis.
      await Promise.all([trainer.start(), indexer.start()]);
      await redis.start();
    }
    return { faults: 2, reports: [await testbed.ended(runId)] };
  },
};

const outageSeconds = 3 * jobLockSeconds;
const longOutage: Scenario = {
  name: 'long redis outage',
  fault: `Redis down for ${outageSeconds} s in train with a job lock of ${jobLockSeconds} s, two trainers`,
  async run(testbed) {
    const runId = await testbed.request();
    await testbed.startApps('trainer');
    await testbed.untilStage(runId, 'train');
    await testbed.redis.kill();
    await sleep(outageSeconds * 1_000);
    await testbed.redis.start();
    return { faults: 1, reports: [await testbed.ended(runId)] };
  },
};

const flushed: Scenario = {
  name: 'redis emptied',
  fault: 'FLUSHALL in train',
  async run(testbed, moments) {
    const runId = await begin(testbed);
    await testbed.untilStage(runId, 'train');
    await sleep(momentIn(moments, 'train'));
    const response = await askRedis(testbed.redis.port, 'FLUSHALL');
    return { faults: response.startsWith('+OK') ? 1 : 0, reports: [await testbed.ended(runId)] };
  },
};

const requestedWithoutRedis: Scenario = {
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
      await testbed.untilStage(runId, stage);
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
const superseded: Scenario = {
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

const parts = Object.keys(hits);

export const scenarios: readonly Scenario[] = [
  ...parts.map((name) => killed(name, 'at boundaries')),
  child('at boundaries'),
  ...parts.map((name) => killed(name, 'inside stages')),
  child('inside stages'),
  together,
  longOutage,
  requestedWithoutRedis,
  flushed,
  ...(['train', 'index', 'promote'] as const).map((stage) => diskFull(stage, 'artifacts')),
  diskFull('train', 'home'),
  corrupted('dataset', 'dataset'),
  corrupted('model', 'train'),
  corrupted('bundle', 'index'),
  superseded,
];
