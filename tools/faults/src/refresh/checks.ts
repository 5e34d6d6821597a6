import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunReport } from '@facet/pipeline/runs';
import { isAppError } from '@facet/platform';
import { Queue } from 'bullmq';
import { orphanMsMax, queuePrefix, schedulerSeconds } from './testbed.ts';
import type { Testbed } from './testbed.ts';
import { schedule } from './shop-home.ts';

/** Artifacts of a refresh. Equal data gives equal ids, regardless of faults. */
export type Artifacts = Readonly<Record<(typeof kinds)[number], string>>;

const kinds = ['dataset', 'model', 'bundle'] as const;
/** One reconcile period plus time for a slow machine. */
const scheduleWithinMs = schedulerSeconds * 1_000 + 15_000;

export function artifactsOf({ stages }: RunReport): Partial<Artifacts> {
  const { datasetId, modelId, bundleId } = stages.at(-1)?.outputs ?? {};
  return { dataset: datasetId!, model: modelId!, bundle: bundleId! };
}

/** Runs the checks of every scenario after its last run. Returns a description of each failure. */
export async function checkTestbed(
  testbed: Testbed,
  last: RunReport,
  control: Artifacts | undefined,
): Promise<string[]> {
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
