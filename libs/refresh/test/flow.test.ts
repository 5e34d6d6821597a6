import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '@facet/local-services';
import type { LocalRedis } from '@facet/local-services';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { followRun } from '../src/index.ts';
import type { RunNews } from '../src/index.ts';
import { createPlant } from './plant.ts';
import type { Plant } from './plant.ts';
import { lastDay } from './shop-home.ts';

let redis: LocalRedis;
beforeAll(async () => {
  redis = await startRedis({ persistent: true });
});
afterAll(() => redis.stop());

const stages = ['dataset', 'train', 'evaluate', 'index', 'gate', 'promote'];
const nextDay = '2026-02-14';
const timeout = 90_000;

/** The last job of a run, as BullMQ has it. */
async function rootOf({ redisUrl, prefix }: Plant, runId: string) {
  const connection = new Redis(redisUrl);
  connection.on('error', () => undefined);
  onTestFinished(() => connection.disconnect());
  const queue = new Queue('indexer', { connection, prefix });
  onTestFinished(() => queue.close());
  return queue.getJob(`${runId}-promote`);
}

/** Process ids of the children of this process that work on a stage. */
async function stageProcesses(): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('child-process/stage.') && command.includes(`\0${process.pid}\0`)) found.push(Number(name));
  }
  return found;
}

test('a refresh goes through both workers; a day without news is skipped', { timeout }, async () => {
  const plant = await createPlant(redis.url);
  const { runs, store } = plant.home;
  plant.start('trainer');
  plant.start('indexer');
  const { report, isNew } = await plant.queue.request({ day: lastDay, requestedBy: 'test' });
  expect(isNew).toBe(true);
  const news: RunNews[] = [];
  const following = { redisUrl: redis.url, prefix: plant.prefix, signal: new AbortController().signal };
  for await (const one of followRun(runs, report.run.runId, following)) news.push(one);
  const done = await runs.read(lastDay);
  expect([done.state, done.reason]).toEqual(['promoted', undefined]);
  expect(done.stages.map(({ stage, state, attempt }) => [stage, state, attempt])).toEqual(
    stages.map((stage) => [stage, 'finished', 1]),
  );
  const { bundleId } = done.stages.at(-1)!.outputs!;
  expect((await store.readRef('current'))?.id).toBe(bundleId);
  // What followed it saw the stages begin and end, and how far they were.
  expect(news.filter(({ type }) => type === 'progress').length).toBeGreaterThan(0);
  expect(news.at(-1)).toEqual({ type: 'report', report: done });

  // The same again is the same run.
  expect(await plant.queue.request({ day: lastDay, requestedBy: 'test' })).toEqual({ report: done, isNew: false });

  await plant.queue.request({ day: nextDay, requestedBy: 'test' });
  const skipped = await plant.ended(nextDay);
  expect(skipped.state).toBe('skipped');
  expect(skipped.reason).toMatch(/Nothing is new/);
  expect((await store.promotions()).filter(({ kind }) => kind === 'promote')).toHaveLength(1);
});

test(
  'a failure reaches the root with its reason, and is not tried again where that cannot help',
  { timeout },
  async () => {
    const plant = await createPlant(redis.url, 'rating');
    plant.start('trainer');
    plant.start('indexer');
    await plant.queue.request({ day: lastDay, requestedBy: 'test' });
    const { state, reason, stages: records } = await plant.ended(lastDay);
    expect(state).toBe('failed');
    expect(reason).toMatch(/^dataset: No event is positive/);
    expect(records.map(({ stage, attempt, problem }) => [stage, attempt, problem?.code])).toEqual([
      ['dataset', 1, 'DATASET_NO_POSITIVES'],
    ]);
    await expect
      .poll(async () => (await rootOf(plant, lastDay))?.failedReason, { timeout: 20_000 })
      .toMatch(/^dataset: No event is positive/);
    expect(await plant.queue.failureOf((await plant.home.runs.read(lastDay)).run)).toMatch(
      /^dataset: No event is positive/,
    );
  },
);

test('a stage process that is killed is started again, and the run goes on', { timeout }, async () => {
  const plant = await createPlant(redis.url);
  plant.start('trainer');
  await plant.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  for (const pid of await stageProcesses()) process.kill(pid, 'SIGKILL');
  await expect
    .poll(async () => (await plant.home.runs.read(lastDay)).stages[0], { timeout: 30_000 })
    .toMatchObject({ stage: 'dataset', state: 'finished', attempt: 2 });
});

test('a cancelled run ends soon, also in the middle of a stage', { timeout }, async () => {
  const plant = await createPlant(redis.url);
  plant.start('trainer');
  plant.start('indexer');
  await plant.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  expect(await plant.queue.cancel(lastDay, 'a test')).toMatchObject({ state: 'cancelled', reason: 'a test' });
  await expect.poll(stageProcesses, { timeout: 20_000 }).toHaveLength(0);
  await sleep(500);
  expect(await plant.home.store.promotions()).toMatchObject([{ kind: 'fence' }]);
  // The next request of the day is another run.
  const { report } = await plant.queue.request({ day: lastDay, requestedBy: 'test' });
  expect(report.run.runId).toBe(`${lastDay}-2`);
  await plant.queue.cancel(report.run.runId, 'the end of the test');
});

test('a worker that is closed gives its job back, and no attempt is used up', { timeout }, async () => {
  const plant = await createPlant(redis.url);
  const first = plant.start('trainer');
  await plant.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  expect(first.working).toEqual({ runId: lastDay, stage: 'dataset' });
  await first.close();
  expect(await stageProcesses()).toEqual([]);
  expect(await plant.queue.counts()).toMatchObject({ trainer: { active: 0, waiting: 1, failed: 0 } });
  plant.start('trainer');
  await expect
    .poll(async () => (await plant.home.runs.read(lastDay)).stages[0]?.state, { timeout: 30_000 })
    .toBe('finished');
  await plant.queue.cancel(lastDay, 'the end of the test');
});

test('a run that another one of its day has superseded cannot promote', { timeout }, async () => {
  const plant = await createPlant(redis.url);
  const { runs, store } = plant.home;
  plant.start('trainer');
  await plant.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect
    .poll(async () => (await runs.read(lastDay)).stages.find(({ stage }) => stage === 'evaluate')?.state, {
      timeout: 60_000,
    })
    .toBe('finished');
  await store.fence({ runId: `${lastDay}-2`, day: lastDay });
  plant.start('indexer');
  expect(await plant.ended(lastDay)).toMatchObject({ state: 'failed', reason: expect.stringMatching(/^promote: /) });
  expect(await store.readRef('current')).toBeUndefined();
});
