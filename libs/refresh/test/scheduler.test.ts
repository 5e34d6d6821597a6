import { startRedis } from '@facet/local-services';
import { cancelRun } from '@facet/runs';
import type { RefreshSchedule } from '@facet/runs';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { forFile, forTest } from '@facet/testing';
import { expect, onTestFinished, test } from 'vitest';
import { openRefreshQueue, startScheduler } from '../src/index.ts';
import type { RefreshQueue, Scheduler } from '../src/index.ts';
import { createShopHome } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';
import { logger } from './refresh-setup.ts';

const redis = forFile(await startRedis({ persistent: true }));

const schedule: RefreshSchedule = {
  cron: '30 2 * * *',
  timeZone: 'Europe/Berlin',
  promoteWithinHours: 6,
  catchUp: 'newest',
};
let prefixes = 0;

interface StartOptions {
  readonly schedule?: RefreshSchedule;
  readonly everyMs?: number;
  readonly queue?: RefreshQueue;
}

interface SchedulerSetup {
  readonly home: ShopHome;
  readonly queue: RefreshQueue;
  readonly dueJobs: Queue;
  /** The injected clock, epoch milliseconds. */
  now: number;
  start(options?: StartOptions): Scheduler;
}

async function createSchedulerSetup(): Promise<SchedulerSetup> {
  const home = await createShopHome();
  const prefix = `scheduler${++prefixes}`;
  const options = { redisUrl: redis.url, prefix };
  const setup = { now: Date.parse('2026-02-14T12:00:00Z') };
  const now = (): number => setup.now;
  const queue = forTest(openRefreshQueue({ ...home, schedule, now, attempts: 1 }, options));
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  connection.on('error', () => undefined);
  const dueJobs = new Queue('kickoff', { connection, prefix });
  dueJobs.on('error', () => undefined);
  onTestFinished(() => dueJobs.close());
  return Object.assign(setup, {
    home,
    queue,
    dueJobs,
    start({ queue: queueOfScheduler = queue, ...more }: StartOptions = {}) {
      const deps = { runs: home.runs, queue: queueOfScheduler, logger, now };
      return forTest(startScheduler(deps, { ...options, schedule, everyMs: 3_600_000, ...more }));
    },
  });
}

const runIds = async ({ home }: SchedulerSetup): Promise<string[]> =>
  (await home.runs.list()).map(({ run }) => run.runId);

/** Ends a run as a worker that finds nothing new. */
async function finish({ home }: SchedulerSetup, runId: string): Promise<void> {
  const outputs = { skipped: 'Nothing is new.' };
  await home.runs.write(runId, { stage: 'promote', state: 'finished', attempt: 1, startedAt: 1, endedAt: 2, outputs });
}

test('requests a due day once, at the start and later', async () => {
  const setup = await createSchedulerSetup();
  const scheduler = setup.start();
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-13']);
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-13']);
  await finish(setup, '2026-02-13');
  setup.now = Date.parse('2026-02-15T01:29:59Z');
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-13']);
  setup.now = Date.parse('2026-02-15T01:30:00Z');
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-14', '2026-02-13']);
});

test('catches up after three days, one day after the other', async () => {
  const setup = await createSchedulerSetup();
  const scheduler = setup.start({ schedule: { ...schedule, catchUp: 'all' } });
  await scheduler.tick();
  await finish(setup, '2026-02-13');
  setup.now = Date.parse('2026-02-17T12:00:00Z');
  await scheduler.tick();
  // The next run starts when this one has ended.
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-14', '2026-02-13']);
  await finish(setup, '2026-02-14');
  await scheduler.tick();
  await finish(setup, '2026-02-15');
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-16', '2026-02-15', '2026-02-14', '2026-02-13']);
  const { run } = await setup.home.runs.read('2026-02-15');
  expect(run.cut.occurredBefore).toBe(Date.parse('2026-02-15T23:00:00Z'));
});

test('requests a day whose manual run has failed, but not one whose scheduled run has failed', async () => {
  const setup = await createSchedulerSetup();
  const problem = { code: 'X', message: 'x' };
  const failed = { stage: 'dataset', state: 'failed', attempt: 1, startedAt: 1, endedAt: 2, problem } as const;
  await setup.queue.request({ day: '2026-02-13', requestedBy: 'operator' });
  await setup.home.runs.write('2026-02-13', failed);
  const scheduler = setup.start();
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-13-2', '2026-02-13']);
  await setup.home.runs.write('2026-02-13-2', failed);
  await scheduler.tick();
  expect(await runIds(setup)).toEqual(['2026-02-13-2', '2026-02-13']);
});

test('keeps the failure that a worker records while the scheduler looks at the run', async () => {
  const setup = await createSchedulerSetup();
  const { home, queue } = setup;
  await queue.request({ day: '2026-02-13', requestedBy: 'operator' });
  const problem = { code: 'TRAIN_OUT_OF_MEMORY', message: 'The training needs more memory.' };
  const record = { stage: 'train', state: 'failed', attempt: 2, startedAt: 1, endedAt: 2, problem } as const;
  const failing: RefreshQueue = {
    ...queue,
    async failureOf({ runId }) {
      await home.runs.write(runId, record);
      return 'train: The stage has failed.';
    },
  };
  const scheduler = setup.start({ schedule: { ...schedule, cron: 'off' }, queue: failing });
  await scheduler.tick();
  expect((await home.runs.read('2026-02-13')).stages).toEqual([record]);
});

test('restores a schedule that was removed or changed, and removes others', async () => {
  const setup = await createSchedulerSetup();
  const scheduler = setup.start();
  const actual = async () =>
    (await setup.dueJobs.getJobSchedulers()).map(({ key, pattern, tz }) => ({ key, pattern, tz }));
  const wanted = [{ key: 'refresh', pattern: '30 2 * * *', tz: 'Europe/Berlin' }];
  await scheduler.tick();
  expect(await actual()).toEqual(wanted);
  await setup.dueJobs.removeJobScheduler('refresh');
  await scheduler.tick();
  expect(await actual()).toEqual(wanted);
  await setup.dueJobs.upsertJobScheduler('refresh', { pattern: '0 5 * * *', tz: 'UTC' });
  await setup.dueJobs.upsertJobScheduler('another', { pattern: '0 6 * * *' });
  await scheduler.tick();
  expect(await actual()).toEqual(wanted);
  // The next time in Redis follows the wall clock of the machine.
  const [{ next = 0 } = {}] = await setup.dueJobs.getJobSchedulers();
  expect(next).toBeGreaterThan(Date.now());
  expect(new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin', timeStyle: 'short' }).format(next)).toBe('02:30');
});

test('removes a schedule that is turned off, and requests nothing', async () => {
  const setup = await createSchedulerSetup();
  const on = setup.start();
  await on.tick();
  await on.close();
  await finish(setup, '2026-02-13');
  setup.now = Date.parse('2026-02-20T12:00:00Z');
  const off = setup.start({ schedule: { ...schedule, cron: 'off' } });
  await off.tick();
  expect(await setup.dueJobs.getJobSchedulers()).toEqual([]);
  expect(await runIds(setup)).toEqual(['2026-02-13']);
});

test('lets exactly one process maintain the schedule, and another one take over', async () => {
  const setup = await createSchedulerSetup();
  const first = setup.start();
  await first.tick();
  const second = setup.start();
  await second.tick();
  expect([first.isHolder, second.isHolder]).toEqual([true, false]);
  await first.close();
  await second.tick();
  expect(second.isHolder).toBe(true);
});

test('lets the lock of a crashed holder expire', async () => {
  const setup = await createSchedulerSetup();
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  await connection.set(`scheduler${prefixes}:scheduler`, 'a killed process', 'PX', 300);
  const scheduler = setup.start();
  await scheduler.tick();
  expect(scheduler.isHolder).toBe(false);
  await expect
    .poll(async () => {
      await scheduler.tick();
      return scheduler.isHolder;
    })
    .toBe(true);
});

test.each([1_000, 60_000, 3_600_000])('holds a lock that outlasts two rounds of %i ms', async (everyMs) => {
  const setup = await createSchedulerSetup();
  // The trainer passes the settings of its worker, whose lock on a job is shorter.
  const scheduler = setup.start({ everyMs, ...{ lockMs: 300 } });
  await scheduler.tick();
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  expect(await connection.pttl(`scheduler${prefixes}:scheduler`)).toBeGreaterThan(2 * everyMs);
});

test('restores the jobs of a run that has lost them', async () => {
  const setup = await createSchedulerSetup();
  const scheduler = setup.start();
  await scheduler.tick();
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  await connection.flushall();
  expect((await setup.queue.counts()).trainer).toMatchObject({ waiting: 0 });
  setup.now += 60_000;
  await scheduler.tick();
  expect((await setup.queue.counts()).trainer).toMatchObject({ waiting: 1 });
  expect((await setup.queue.counts()).indexer).toMatchObject({ 'waiting-children': 3 });
});

test('completes the cancellation of a run whose store and queue do not know it', async () => {
  const setup = await createSchedulerSetup();
  const scheduler = setup.start({ schedule: { ...schedule, cron: 'off' } });
  // Otherwise the next tick could join the first round.
  await scheduler.tick();
  await setup.queue.request({ day: '2026-02-13', requestedBy: 'operator' });
  // As by a cancellation that was killed after it changed the promotion log.
  await setup.home.store.cancel({ runId: '2026-02-13', day: '2026-02-13' }, { reason: 'a test' });
  await scheduler.tick();
  expect(await setup.home.runs.read('2026-02-13')).toMatchObject({ state: 'canceled', reason: 'a test' });
  expect(await setup.queue.counts()).toMatchObject({ trainer: { waiting: 0 }, indexer: { 'waiting-children': 0 } });
});

test('removes the jobs of a canceled run that the queue still has, and no others', async () => {
  const setup = await createSchedulerSetup();
  const scheduler = setup.start({ schedule: { ...schedule, cron: 'off' } });
  // Otherwise the next tick could join the first round.
  await scheduler.tick();
  await setup.queue.request({ day: '2026-02-12', requestedBy: 'operator' });
  await setup.queue.request({ day: '2026-02-13', requestedBy: 'operator' });
  // As by a cancellation during an outage of Redis.
  await cancelRun(setup.home, '2026-02-12', { reason: 'a test' });
  await scheduler.tick();
  expect(await setup.queue.counts()).toMatchObject({ trainer: { waiting: 1 }, indexer: { 'waiting-children': 3 } });
});

test('replaces jobs that belong to a run of the same id in a deleted home', async () => {
  const setup = await createSchedulerSetup();
  const { report } = await setup.queue.request({ day: '2026-02-12', requestedBy: 'operator' });
  const sameName = { ...report.run, requestedAt: report.run.requestedAt + 1 };
  await setup.queue.ensureJobs(sameName);
  expect((await setup.queue.counts()).trainer).toMatchObject({ waiting: 1 });
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  const trainer = forTest(new Queue('trainer', { connection, prefix: `scheduler${prefixes}` }));
  const [job] = await trainer.getWaiting();
  expect(job?.data).toEqual({ runId: '2026-02-12', requestedAt: sameName.requestedAt });
});

test('creates no jobs for a run that its own process executes', async () => {
  const setup = await createSchedulerSetup();
  await setup.queue.request({ day: '2026-02-12', requestedBy: 'facet refresh', place: 'here' });
  setup.now += 3_600_000;
  const scheduler = setup.start();
  await scheduler.tick();
  expect((await setup.queue.counts()).indexer).toMatchObject({ 'waiting-children': 3 });
  expect((await setup.home.runs.list()).map(({ run }) => [run.runId, run.place])).toEqual([
    ['2026-02-13', 'queue'],
    ['2026-02-12', 'here'],
  ]);
});

test('refreshes a day whose own process was stopped, after a while without a sign of life', async () => {
  const setup = await createSchedulerSetup();
  const { runs } = setup.home;
  const runId = '2026-02-13';
  await setup.queue.request({ day: runId, requestedBy: 'facet refresh', place: 'here' });
  await runs.write(runId, { stage: 'dataset', state: 'running', attempt: 1, startedAt: setup.now });
  await runs.touch(runId, setup.now);
  const scheduler = setup.start();
  setup.now += 10 * 60_000;
  await scheduler.tick();
  expect(await runIds(setup)).toEqual([runId]);
  await runs.touch(runId, setup.now);
  setup.now += 10 * 60_000;
  await scheduler.tick();
  expect(await runIds(setup)).toEqual([runId]);
  setup.now += 10 * 60_000;
  await scheduler.tick();
  expect((await runs.list()).map(({ run, state }) => [run.runId, run.place, state])).toEqual([
    [`${runId}-2`, 'queue', 'waiting'],
    [runId, 'here', 'failed'],
  ]);
});

test('gives up the lock during an outage of Redis and continues afterwards', async () => {
  const setup = await createSchedulerSetup();
  const scheduler = setup.start();
  await scheduler.tick();
  await redis.kill();
  await scheduler.tick();
  expect(scheduler.isHolder).toBe(false);
  await redis.start();
  await expect
    .poll(
      async () => {
        await scheduler.tick();
        return scheduler.isHolder;
      },
      { timeout: 15_000 },
    )
    .toBe(true);
});
