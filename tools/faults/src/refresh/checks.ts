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

export interface Check {
  readonly name: string;
  /** Description of the failure, or undefined for a passed check. */
  readonly problem: string | undefined;
}

const kinds = ['dataset', 'model', 'bundle'] as const;
/** One reconcile period plus time for a slow machine. */
const scheduleWithinMs = schedulerSeconds * 1_000 + 15_000;

export function artifactsOf({ stages }: RunReport): Partial<Artifacts> {
  const { datasetId, modelId, bundleId } = stages.at(-1)?.outputs ?? {};
  return { dataset: datasetId!, model: modelId!, bundle: bundleId! };
}

/** Runs the checks of every scenario after its last run. */
export async function checkTestbed(
  testbed: Testbed,
  last: RunReport,
  control: Artifacts | undefined,
): Promise<Check[]> {
  const checks: [string, () => Promise<string | undefined>][] = [
    ['the run is promoted', async () => (last.state === 'promoted' ? undefined : `${last.state}: ${last.reason}`)],
    ['artifacts are intact', () => findDamagedArtifact(testbed)],
    ['promoted once per day', () => findSecondPromotion(testbed)],
    ['current is the newest promotion', () => checkCurrent(testbed, last)],
    ['the same artifacts', async () => (control === undefined ? undefined : compare(artifactsOf(last), control))],
    ['the schedule exists', () => checkSchedule(testbed)],
    ['the queues are empty', () => checkQueues(testbed)],
    ['no orphans', () => checkOrphans(testbed)],
  ];
  const done: Check[] = [];
  for (const [name, check] of checks) done.push({ name, problem: await check() });
  return done;
}

/** Opens every listed artifact and finds folders that the store does not list. */
async function findDamagedArtifact({ home: { store, paths } }: Testbed): Promise<string | undefined> {
  for (const kind of kinds) {
    const listed = (await store.list(kind)).map(({ ref }) => ref);
    for (const ref of listed) {
      const problem = await store.open(ref).then(
        () => undefined,
        (error: unknown) => {
          if (isAppError(error)) return error.message;
          throw error;
        },
      );
      if (problem !== undefined) return problem;
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
async function checkSchedule({ redis }: Testbed): Promise<string | undefined> {
  return withQueue(redis.url, 'kickoff', (queue) =>
    settle(scheduleWithinMs, async () => {
      const schedulers = await queue.getJobSchedulers();
      const [{ pattern, tz, next } = {}] = schedulers;
      const isIntact =
        schedulers.length === 1 && pattern === schedule.cron && tz === schedule.timeZone && (next ?? 0) > Date.now();
      return isIntact ? undefined : `the schedules are ${JSON.stringify(schedulers)}`;
    }),
  );
}

/** Checks that the queues contain no open job. */
async function checkQueues({ redis }: Testbed): Promise<string | undefined> {
  for (const name of ['trainer', 'indexer']) {
    const problem = await withQueue(redis.url, name, (queue) =>
      settle(60_000, async () => {
        const counts = await queue.getJobCounts('active', 'waiting', 'delayed', 'waiting-children', 'prioritized');
        const busy = Object.values(counts).some((count) => count > 0);
        return busy ? `the queue of the ${name} contains ${JSON.stringify(counts)}` : undefined;
      }),
    );
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function checkOrphans(testbed: Testbed): Promise<string | undefined> {
  const left = await testbed.orphans();
  if (left.length > 0) return `${left.length} stage processes have no worker`;
  const orphanMs = testbed.orphanMs();
  return orphanMs <= orphanMsMax ? undefined : `a stage process outlived its worker for ${orphanMs} ms`;
}

async function settle(withinMs: number, toProblem: () => Promise<string | undefined>): Promise<string | undefined> {
  const until = Date.now() + withinMs;
  for (;;) {
    const problem = await toProblem();
    if (problem === undefined || Date.now() > until) return problem;
    await sleep(200);
  }
}

async function withQueue<Result>(url: string, name: string, work: (queue: Queue) => Promise<Result>): Promise<Result> {
  const queue = new Queue(name, { connection: { url }, prefix: queuePrefix });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}
