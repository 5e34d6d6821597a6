import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '@facet/features';
import { createScratchFolder, logProgress, readCommandLine } from '@facet/local-services';
import { refreshStages } from '@facet/runs';
import type { RefreshStage, RunReport } from '@facet/runs';
import { describeError, isAppError } from '@facet/platform';
import { Queue } from 'bullmq';
import { mountSmallDisk } from '../disk.ts';
import { endWithRows, onlyOption, playEach, suiteOptions } from '../suite.ts';
import { orphanMsMax, queuePrefix, schedulerSeconds, startTestbed } from './testbed.ts';
import type { Testbed } from './testbed.ts';
import { scenarios } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { copyHome, schedule, writeShopHome } from './shop-home.ts';

const { values } = readCommandLine({
  options: {
    ...suiteOptions,
    only: onlyOption('scenarios', scenarios),
  },
  notes: `Each scenario has a separate data home with a generated shop, a Redis with AOF, a trainer and an indexer. After each scenario
the run is promoted, or it failed with a reason and a second run is promoted. Every listed artifact is intact. The day is
promoted once, and its bundle is current. The artifacts equal those of an undisturbed run. The schedule exists, the queues
are empty, and no stage process outlives its worker by more than two seconds.

Exit code: 0 when every check passes, 1 otherwise. Scenarios with a full disk need permission to mount a tmpfs (root on Linux).`,
});

const reasonCharactersMax = 160;
/** Space for a data home with all its artifacts. */
const smallDiskMegabytes = 128;

/** Artifacts of a refresh. Equal data gives equal ids, regardless of faults. */
type Artifacts = Readonly<Record<(typeof kinds)[number], string>>;

const kinds = ['dataset', 'model', 'bundle'] as const;
/** One reconcile period plus time for a slow machine. */
const scheduleWithinMs = schedulerSeconds * 1_000 + 15_000;

const { path: folder } = await createScratchFolder('faults-refresh');
const { seed } = values;
const template = join(folder, 'template');
await mkdir(template);
await writeShopHome(template);
logProgress('Running the control run without faults.');
const control = await runControl();
const rows = await playEach(scenarios, values.only, play);
endWithRows(values.json, rows);

async function runControl() {
  const testbed = await startTestbed(await copyHome(template, join(folder, 'control')));
  try {
    const runId = await testbed.request();
    await testbed.startApps();
    const done = await testbed.ended(runId);
    const [problem] = await checkTestbed(testbed, done, undefined);
    if (problem !== undefined) throw new Error(`the control run failed: ${problem}`);
    return {
      artifacts: artifactsOf(done) as Artifacts,
      stageMs: Object.fromEntries(
        done.stages.map(({ stage, startedAt: from, endedAt = from }) => [stage, Math.max(1, endedAt - from)]),
      ) as Record<RefreshStage, number>,
    };
  } finally {
    await testbed.stop();
  }
}

async function play({ name, fault, smallDisk, run }: Scenario, position: number) {
  const homeFolder = join(folder, name.replaceAll(/\W+/g, '-'));
  const row = { name, fault, faults: 0, attempts: '', ms: 0, ended: 'unknown', reason: '' };
  const mountPoint = smallDisk === 'artifacts' ? join(homeFolder, 'artifacts') : homeFolder;
  const disk = smallDisk && (await mountSmallDisk(mountPoint, smallDiskMegabytes));
  if (smallDisk !== undefined && disk === undefined) {
    return { ...row, ended: 'skipped: cannot mount a small disk', problems: [] };
  }
  const testbed = await startTestbed(await copyHome(template, homeFolder));
  const begunAt = Date.now();
  try {
    // The seed does not depend on which other scenarios run.
    const { int: choose } = createRandom(seed + 1_000 + 31 * position);
    const { faults, reports, problems = [] } = await run(testbed, { choose, stageMs: control.stageMs });
    const ms = Date.now() - begunAt;
    return {
      ...row,
      faults,
      attempts: reports.map(attemptsOf).join(' | '),
      ms,
      ended: reports.map(({ state }) => state).join(', then '),
      reason: reports.flatMap(({ reason }) => reason?.slice(0, reasonCharactersMax) ?? []).join(' | '),
      problems: [
        ...(faults === 0 ? ['no fault was injected'] : []),
        ...problems,
        ...(await checkTestbed(testbed, reports.at(-1)!, control.artifacts)),
      ],
    };
  } catch (error) {
    const problem = `${describeError(error)}\n${testbed.trainer.output}\n${testbed.indexer.output}`;
    return { ...row, ms: Date.now() - begunAt, problems: [problem] };
  } finally {
    await testbed.stop();
    disk?.unmount();
    await rm(homeFolder, { recursive: true, force: true });
  }
}

/** Returns the attempts of each stage, such as `1 4 2 1 1 1`. */
function attemptsOf({ stages }: RunReport): string {
  return refreshStages.map((stage) => stages.find((record) => record.stage === stage)?.attempt ?? 0).join(' ');
}

function artifactsOf({ stages }: RunReport): Partial<Artifacts> {
  const { datasetId, modelId, bundleId } = stages.at(-1)?.outputs ?? {};
  return { dataset: datasetId!, model: modelId!, bundle: bundleId! };
}

/** Runs the checks of every scenario after its last run. Returns a description of each failure. */
async function checkTestbed(testbed: Testbed, last: RunReport, control: Artifacts | undefined): Promise<string[]> {
  const problems: string[] = [];
  const check = (name: string, problem: string | undefined): void => {
    if (problem !== undefined) problems.push(`${name}: ${problem}`);
  };
  check('the run is promoted', last.state === 'promoted' ? undefined : `${last.state}: ${last.reason}`);
  check('artifacts are intact', await findDamagedArtifact(testbed));
  check('promoted once per day', await findSecondPromotion(testbed));
  check('current is the newest promotion', await checkCurrent(testbed, last));
  check('the same artifacts', control && compare(artifactsOf(last), control));
  check('the schedule exists', await checkSchedule(testbed));
  check('the queues are empty', await checkQueues(testbed));
  check('no orphans', await checkOrphans(testbed));
  return problems;
}

/** Opens every listed artifact and finds folders that the store does not list. */
async function findDamagedArtifact({ home: { store, paths } }: Testbed): Promise<string | undefined> {
  for (const kind of kinds) {
    const listed = (await store.list(kind)).map(({ ref }) => ref);
    try {
      for (const ref of listed) await store.open(ref);
    } catch (error) {
      if (isAppError(error)) return error.message;
      throw error;
    }
    const present = await readdir(join(paths.artifactsFolder, kind)).catch(() => []);
    const partial = present.find((name) => !listed.some(({ id }) => id === name));
    if (partial !== undefined) return `${kind}/${partial} is not a complete artifact`;
  }
  return undefined;
}

async function findSecondPromotion({ home: { store } }: Testbed): Promise<string | undefined> {
  const promoted = (await store.promotions()).filter(({ kind }) => kind === 'promote');
  return promoted.length <= 1 ? undefined : `${promoted.length} promotions: ${promoted.map(({ run }) => run?.runId)}`;
}

async function checkCurrent({ home: { store } }: Testbed, last: RunReport): Promise<string | undefined> {
  const records = await store.promotions();
  const gap = records.find(({ number }, index) => number !== index + 1);
  if (gap !== undefined) return `the promotion log has a gap before ${gap.number}`;
  const current = await store.readRef('current');
  if (current?.id !== records.at(-1)?.ref?.id) {
    return `current is ${current?.id}, but the last record is ${records.at(-1)?.ref?.id}`;
  }
  if (last.state === 'promoted' && current?.id !== artifactsOf(last).bundle) return `current is ${current?.id}`;
  const promotion = records.findLast(({ kind }) => kind === 'promote');
  if (last.state === 'promoted' && promotion?.run?.runId !== last.run.runId) {
    return `the promoting run is ${promotion?.run?.runId}`;
  }
  return undefined;
}

function compare(made: Partial<Artifacts>, control: Artifacts): string | undefined {
  const other = kinds.find((kind) => made[kind] !== control[kind]);
  return other === undefined ? undefined : `the ${other} is ${made[other]}, in the control run it is ${control[other]}`;
}

/** Checks for exactly one schedule with the right pattern and a next time in the future. */
function checkSchedule(testbed: Testbed): Promise<string | undefined> {
  return settleQueue(testbed, 'kickoff', scheduleWithinMs, async (queue) => {
    const schedulers = await queue.getJobSchedulers();
    const [{ pattern, tz, next } = {}] = schedulers;
    const isIntact =
      schedulers.length === 1 && pattern === schedule.cron && tz === schedule.timeZone && (next ?? 0) > Date.now();
    return isIntact ? undefined : `the schedules are ${JSON.stringify(schedulers)}`;
  });
}

/** Checks that the queues contain no open job. */
async function checkQueues(testbed: Testbed): Promise<string | undefined> {
  const check = (name: string): Promise<string | undefined> =>
    settleQueue(testbed, name, 60_000, async (queue) => {
      const counts = await queue.getJobCounts('active', 'waiting', 'delayed', 'waiting-children', 'prioritized');
      const busy = Object.values(counts).some((count) => count > 0);
      return busy ? `the queue of the ${name} contains ${JSON.stringify(counts)}` : undefined;
    });
  return (await check('trainer')) ?? check('indexer');
}

async function checkOrphans(testbed: Testbed): Promise<string | undefined> {
  const left = await testbed.orphans();
  if (left.length > 0) return `${left.length} stage processes have no worker`;
  const orphanMs = testbed.orphanMs();
  return orphanMs <= orphanMsMax ? undefined : `a stage process outlived its worker for ${orphanMs} ms`;
}

/** Looks at a queue until it has no problem. Returns the problem that it still has after `withinMs`. */
async function settleQueue(
  { redis }: Testbed,
  name: string,
  withinMs: number,
  findProblem: (queue: Queue) => Promise<string | undefined>,
): Promise<string | undefined> {
  const queue = new Queue(name, { connection: { url: redis.url }, prefix: queuePrefix });
  try {
    const until = Date.now() + withinMs;
    for (;;) {
      const problem = await findProblem(queue);
      if (problem === undefined || Date.now() > until) return problem;
      await sleep(200);
    }
  } finally {
    await queue.close();
  }
}
