import { readdir, readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '@facet/local-services';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { forFile, forTest } from '@facet/testing';
import { expect, onTestFinished, test } from 'vitest';
import { followRun } from '../src/index.ts';
import type { RunNews } from '../src/index.ts';
import { createRefreshSetup } from './refresh-setup.ts';
import type { RefreshSetup } from './refresh-setup.ts';
import { lastDay } from './shop-home.ts';

const redis = forFile(await startRedis({ persistent: true }));

const stages = ['dataset', 'train', 'evaluate', 'index', 'gate', 'promote'];
const nextDay = '2026-02-14';
const timeout = 180_000;

/** Returns the last job of a run from BullMQ. */
async function rootOf({ redisUrl, prefix }: RefreshSetup, runId: string) {
  const connection = new Redis(redisUrl);
  connection.on('error', () => undefined);
  onTestFinished(() => connection.disconnect());
  const queue = forTest(new Queue('indexer', { connection, prefix }));
  return queue.getJob(`${runId}-promote`);
}

/** Returns the ids of the stage processes that this process has started. */
async function stageProcesses(): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('child-process/child.') && command.includes(`\0${process.pid}\0`)) found.push(Number(name));
  }
  return found;
}

test('passes a refresh through both workers, and skips a day without news', { timeout }, async () => {
  const setup = await createRefreshSetup(redis.url);
  const { runs, store } = setup.home;
  setup.start('trainer');
  setup.start('indexer');
  const { report, isNew } = await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  expect(isNew).toBe(true);
  const news: RunNews[] = [];
  const following = { redisUrl: redis.url, prefix: setup.prefix, signal: new AbortController().signal };
  for await (const one of followRun(runs, report.run.runId, following)) news.push(one);
  const done = await runs.read(lastDay);
  expect([done.state, done.reason]).toEqual(['promoted', undefined]);
  expect(done.stages.map(({ stage, state, attempt }) => [stage, state, attempt])).toEqual(
    stages.map((stage) => [stage, 'finished', 1]),
  );
  const { bundleId } = done.stages.at(-1)!.outputs!;
  expect((await store.readRef('current'))?.id).toBe(bundleId);
  // The follower saw every change of the record, and the progress of the stages.
  expect(news.filter(({ type }) => type === 'progress').length).toBeGreaterThan(0);
  expect(news.at(-1)).toEqual({ type: 'report', report: done });

  // A repeated request returns the same run.
  expect(await setup.queue.request({ day: lastDay, requestedBy: 'test' })).toEqual({ report: done, isNew: false });

  await setup.queue.request({ day: nextDay, requestedBy: 'test' });
  const skipped = await setup.ended(nextDay);
  expect(skipped.state).toBe('skipped');
  expect(skipped.reason).toMatch(/Nothing is new/);
  expect((await store.promotions()).filter(({ kind }) => kind === 'promote')).toHaveLength(1);
});

test('reports a failure at the root job with its reason, and does not retry wrong data', { timeout }, async () => {
  const setup = await createRefreshSetup(redis.url, { positives: 'rating' });
  setup.start('trainer');
  setup.start('indexer');
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  const { state, reason, stages: records } = await setup.ended(lastDay);
  expect(state).toBe('failed');
  expect(reason).toMatch(/^dataset: No event is positive/);
  expect(records.map(({ stage, attempt, problem }) => [stage, attempt, problem?.code])).toEqual([
    ['dataset', 1, 'DATASET_NO_POSITIVES'],
  ]);
  await expect
    .poll(async () => (await rootOf(setup, lastDay))?.failedReason, { timeout: 20_000 })
    .toMatch(/^dataset: No event is positive/);
  expect(await setup.queue.failureOf((await setup.home.runs.read(lastDay)).run)).toMatch(
    /^dataset: No event is positive/,
  );
});

test('restarts a killed stage process and continues the run', { tags: 'full', timeout }, async () => {
  const setup = await createRefreshSetup(redis.url);
  setup.start('trainer');
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  for (const pid of await stageProcesses()) process.kill(pid, 'SIGKILL');
  await expect
    .poll(async () => (await setup.home.runs.read(lastDay)).stages[0], { timeout: 30_000 })
    .toMatchObject({ stage: 'dataset', state: 'finished', attempt: 2 });
});

test('ends a stage process that hangs, and tries again', { tags: 'full', timeout }, async () => {
  const setup = await createRefreshSetup(redis.url, { refresh: '{ stageHoursMax: 0.04 }' });
  setup.start('trainer');
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  for (const pid of await stageProcesses()) process.kill(pid, 'SIGSTOP');
  // The second attempt may be slow.
  const { runs, configFile } = setup.home;
  await writeFile(configFile, (await readFile(configFile, 'utf8')).replace('0.04', '4'));
  await expect
    .poll(async () => (await runs.read(lastDay)).stages[0]?.problem, { timeout: 60_000, interval: 20 })
    .toMatchObject({
      code: 'REFRESH_STAGE_TIMED_OUT',
      message: 'The stage dataset reported no progress for 0.3 min.',
      remedy: expect.stringContaining('refresh.stageHoursMax'),
    });
  await expect
    .poll(async () => (await runs.read(lastDay)).stages[0], { timeout: 60_000 })
    .toMatchObject({ stage: 'dataset', state: 'finished', attempt: 2 });
});

test('stops a canceled run soon, even within a stage', { timeout }, async () => {
  const setup = await createRefreshSetup(redis.url);
  setup.start('trainer');
  setup.start('indexer');
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  expect(await setup.queue.cancel(lastDay, { reason: 'a test' })).toMatchObject({
    state: 'canceled',
    reason: 'a test',
  });
  await expect.poll(stageProcesses, { timeout: 20_000 }).toHaveLength(0);
  await sleep(500);
  expect(await setup.home.store.promotions()).toMatchObject([{ kind: 'fence' }, { kind: 'cancel', reason: 'a test' }]);
  // The next request for the day creates another run.
  const { report } = await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  expect(report.run.runId).toBe(`${lastDay}-2`);
  await setup.queue.cancel(report.run.runId, { reason: 'the end of the test' });
});

test('returns the job of a closed worker without using up an attempt', { timeout }, async () => {
  const setup = await createRefreshSetup(redis.url);
  const first = setup.start('trainer');
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  expect(first.working).toEqual({ runId: lastDay, stage: 'dataset' });
  await first.close();
  expect(await stageProcesses()).toEqual([]);
  expect(await setup.queue.counts()).toMatchObject({ trainer: { active: 0, waiting: 1, failed: 0 } });
  setup.start('trainer');
  await expect
    .poll(async () => (await setup.home.runs.read(lastDay)).stages[0]?.state, { timeout: 30_000 })
    .toBe('finished');
  await setup.queue.cancel(lastDay, { reason: 'the end of the test' });
});

/** Returns the key of the lock of a job. */
const lockOf = ({ prefix }: RefreshSetup, worker: string, stage: string): string =>
  `${prefix}:${worker}:${lastDay}-${stage}:lock`;

test(
  'ends the stage of a lost lock, and leaves the record to the worker that has the lock',
  { tags: 'full', timeout },
  async () => {
    const setup = await createRefreshSetup(redis.url);
    const { runs } = setup.home;
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    setup.start('trainer');
    await setup.queue.request({ day: lastDay, requestedBy: 'test' });
    await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
    // A stopped process ignores SIGTERM and would hold its stage until the end of the test.
    const [pid] = await stageProcesses();
    process.kill(pid!, 'SIGSTOP');
    const lockKey = lockOf(setup, 'trainer', 'dataset');
    expect(await client.set(lockKey, 'another worker', 'PX', 60_000)).toBe('OK');
    await expect.poll(stageProcesses, { timeout: 10_000, interval: 50 }).toEqual([]);
    // The worker neither records an end nor returns the job.
    await sleep(500);
    expect((await runs.read(lastDay)).stages).toMatchObject([{ stage: 'dataset', state: 'running', attempt: 1 }]);
    expect(await setup.queue.counts()).toMatchObject({ trainer: { active: 1, waiting: 0, failed: 0 } });
    expect(await client.get(lockKey)).toBe('another worker');

    // The other worker disappears, too.
    await client.del(lockKey);
    await expect
      .poll(async () => (await runs.read(lastDay)).stages[0], { timeout: 30_000 })
      .toMatchObject({ stage: 'dataset', state: 'finished', attempt: 2 });
    await setup.queue.cancel(lastDay, { reason: 'the end of the test' });
  },
);

test('does not record a stage that ends after the loss of the lock', { tags: 'full', timeout }, async () => {
  const setup = await createRefreshSetup(redis.url);
  const { runs } = setup.home;
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  // Too long for a renewal to notice the loss before the stage has ended.
  setup.start('trainer', { lockMs: 60_000 });
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 5 }).toHaveLength(1);
  await client.set(lockOf(setup, 'trainer', 'dataset'), 'another worker', 'PX', 60_000);
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 50 }).toEqual([]);
  await sleep(500);
  expect((await runs.read(lastDay)).stages).toMatchObject([{ stage: 'dataset', state: 'running', attempt: 1 }]);
});

test('ends a stage when Redis is away for longer than the lock', { tags: 'full', timeout }, async () => {
  const own = forTest(await startRedis({ persistent: true }));
  const setup = await createRefreshSetup(own.url);
  const { runs } = setup.home;
  setup.start('trainer');
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect.poll(stageProcesses, { timeout: 20_000, interval: 20 }).toHaveLength(1);
  const [pid] = await stageProcesses();
  process.kill(pid!, 'SIGSTOP');
  // The append-only file is at most a second old.
  await sleep(1_500);
  await own.kill();
  await expect.poll(stageProcesses, { timeout: 12_000, interval: 50 }).toEqual([]);
  expect((await runs.read(lastDay)).stages).toMatchObject([{ stage: 'dataset', state: 'running', attempt: 1 }]);
  await own.start();
  await expect
    .poll(async () => (await runs.read(lastDay)).stages[0], { timeout: 60_000 })
    .toMatchObject({ stage: 'dataset', state: 'finished', attempt: 2 });
  await setup.queue.cancel(lastDay, { reason: 'the end of the test' });
});

test('does not promote a superseded run', { tags: 'full', timeout }, async () => {
  const setup = await createRefreshSetup(redis.url);
  const { runs, store } = setup.home;
  setup.start('trainer');
  await setup.queue.request({ day: lastDay, requestedBy: 'test' });
  await expect
    .poll(async () => (await runs.read(lastDay)).stages.find(({ stage }) => stage === 'evaluate')?.state, {
      timeout: 120_000,
    })
    .toBe('finished');
  await store.fence({ runId: `${lastDay}-2`, day: lastDay });
  setup.start('indexer');
  expect(await setup.ended(lastDay)).toMatchObject({ state: 'failed', reason: expect.stringMatching(/^promote: /) });
  expect(await store.readRef('current')).toBeUndefined();
});
