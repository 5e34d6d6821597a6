import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactRef } from '@facet/artifacts';
import type { RunReport } from '@facet/pipeline/runs';
import { isAppError } from '@facet/platform';
import { Queue } from 'bullmq';
import { orphanMsMax, queuePrefix, schedulerSeconds } from './plant.ts';
import type { Plant } from './plant.ts';
import { schedule } from './shop-home.ts';

/** What a refresh left behind; the same for the same data, whatever happened meanwhile. */
export type Artifacts = Readonly<Record<(typeof kinds)[number], string>>;

export interface Check {
  readonly name: string;
  /** What is wrong; undefined when nothing is. */
  readonly problem: string | undefined;
}

const kinds = ['dataset', 'model', 'bundle'] as const;
/** A reconcile period, and time for a slow machine. */
const scheduleWithinMs = schedulerSeconds * 1_000 + 15_000;

export function artifactsOf({ stages }: RunReport): Partial<Artifacts> {
  const { datasetId, modelId, bundleId } = stages.at(-1)?.outputs ?? {};
  return { dataset: datasetId!, model: modelId!, bundle: bundleId! };
}

/** What must hold after every scenario, when its last run has ended. */
export async function checkPlant(plant: Plant, last: RunReport, control: Artifacts | undefined): Promise<Check[]> {
  const checks: [string, () => Promise<string | undefined>][] = [
    ['the run is promoted', async () => (last.state === 'promoted' ? undefined : `${last.state}: ${last.reason}`)],
    ['artifacts are whole', () => findHalfArtifact(plant)],
    ['promoted once a day', () => findSecondPromotion(plant)],
    ['current is the newest promotion', () => checkCurrent(plant, last)],
    ['the same artifacts', async () => (control === undefined ? undefined : compare(artifactsOf(last), control))],
    ['the schedule stands', () => checkSchedule(plant)],
    ['the queues are empty', () => checkQueues(plant)],
    ['no orphans', () => checkOrphans(plant)],
  ];
  const done: Check[] = [];
  for (const [name, check] of checks) done.push({ name, problem: await check() });
  return done;
}

/** Opens everything that the store lists, and looks for folders that it does not. */
async function findHalfArtifact({ home: { store, paths } }: Plant): Promise<string | undefined> {
  for (const kind of kinds) {
    const listed = (await store.list(kind)).map(({ ref }) => ref);
    const problem = await firstProblem(listed, async (ref) => {
      try {
        await store.open(ref);
        return undefined;
      } catch (error) {
        if (isAppError(error)) return error.message;
        throw error;
      }
    });
    if (problem !== undefined) return problem;
    const present = await readdir(join(paths.artifactsFolder, kind)).catch(() => []);
    const half = present.find((name) => !listed.some(({ id }) => id === name));
    if (half !== undefined) return `${kind}/${half} is no artifact`;
  }
  return undefined;
}

async function firstProblem(
  refs: readonly ArtifactRef[],
  toProblem: (ref: ArtifactRef) => Promise<string | undefined>,
): Promise<string | undefined> {
  for (const ref of refs) {
    const problem = await toProblem(ref);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function findSecondPromotion({ home: { store } }: Plant): Promise<string | undefined> {
  const promoted = (await store.promotions()).filter(({ kind }) => kind === 'promote');
  return promoted.length <= 1 ? undefined : `${promoted.length} promotions: ${promoted.map(({ run }) => run?.runId)}`;
}

async function checkCurrent({ home: { store } }: Plant, last: RunReport): Promise<string | undefined> {
  const records = await store.promotions();
  const gap = records.find(({ number }, index) => number !== index + 1);
  if (gap !== undefined) return `the promotion log has a gap before ${gap.number}`;
  const current = await store.readRef('current');
  if (current?.id !== records.at(-1)?.ref?.id) return `current is ${current?.id}, the log says otherwise`;
  if (last.state === 'promoted' && current?.id !== artifactsOf(last).bundle) return `current is ${current?.id}`;
  const promotion = records.findLast(({ kind }) => kind === 'promote');
  if (last.state === 'promoted' && promotion?.run?.runId !== last.run.runId) {
    return `it was promoted by ${promotion?.run?.runId}`;
  }
  return undefined;
}

function compare(made: Partial<Artifacts>, control: Artifacts): string | undefined {
  const other = kinds.find((kind) => made[kind] !== control[kind]);
  return other === undefined ? undefined : `the ${other} is ${made[other]}, undisturbed it is ${control[other]}`;
}

/** Exactly one schedule, the wanted one, whose next moment is to come. */
async function checkSchedule({ redis }: Plant): Promise<string | undefined> {
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

/** A job that was done twice is still to be found done. */
async function checkQueues({ redis }: Plant): Promise<string | undefined> {
  for (const name of ['trainer', 'indexer']) {
    const problem = await withQueue(redis.url, name, (queue) =>
      settle(60_000, async () => {
        const counts = await queue.getJobCounts('active', 'waiting', 'delayed', 'waiting-children', 'prioritized');
        const busy = Object.values(counts).some((count) => count > 0);
        return busy ? `the queue of the ${name} holds ${JSON.stringify(counts)}` : undefined;
      }),
    );
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function checkOrphans(plant: Plant): Promise<string | undefined> {
  const left = await plant.orphans();
  if (left.length > 0) return `${left.length} stage processes have no worker`;
  return plant.orphanMs <= orphanMsMax ? undefined : `a stage process outlived its worker for ${plant.orphanMs} ms`;
}

async function settle(withinMs: number, toProblem: () => Promise<string | undefined>): Promise<string | undefined> {
  const until = Date.now() + withinMs;
  for (;;) {
    const problem = await toProblem();
    if (problem === undefined || Date.now() > until) return problem;
    await sleep(200);
  }
}

async function withQueue<Answer>(url: string, name: string, ask: (queue: Queue) => Promise<Answer>): Promise<Answer> {
  const queue = new Queue(name, { connection: { url }, prefix: queuePrefix });
  try {
    return await ask(queue);
  } finally {
    await queue.close();
  }
}
