import { startRedis } from '@facet/local-services';
import type { LocalRedis } from '@facet/local-services';
import type { RefreshSchedule } from '@facet/pipeline/runs';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openRefreshQueue, startScheduler } from '../src/index.ts';
import type { RefreshQueue, Scheduler } from '../src/index.ts';
import { createShopHome } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';
import { logger } from './plant.ts';

let redis: LocalRedis;
beforeAll(async () => {
  redis = await startRedis({ persistent: true });
});
afterAll(() => redis.stop());

const schedule: RefreshSchedule = {
  cron: '30 2 * * *',
  timeZone: 'Europe/Berlin',
  promoteWithinHours: 6,
  catchUp: 'newest',
  catchUpDaysMax: 7,
};
let prefixes = 0;

interface Office {
  readonly home: ShopHome;
  readonly queue: RefreshQueue;
  readonly kickOffs: Queue;
  /** The hands of the clock, epoch milliseconds. */
  now: number;
  start(options?: { schedule?: RefreshSchedule; lockMs?: number }): Scheduler;
}

async function createOffice(): Promise<Office> {
  const home = await createShopHome();
  const prefix = `office${++prefixes}`;
  const options = { redisUrl: redis.url, prefix };
  const office = { now: Date.parse('2026-02-14T12:00:00Z') };
  const now = (): number => office.now;
  const queue = openRefreshQueue({ ...home, schedule, now, attempts: 1 }, options);
  onTestFinished(() => queue.close());
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  connection.on('error', () => undefined);
  const kickOffs = new Queue('kickoff', { connection, prefix });
  kickOffs.on('error', () => undefined);
  onTestFinished(() => kickOffs.close());
  return Object.assign(office, {
    home,
    queue,
    kickOffs,
    start(more: { schedule?: RefreshSchedule; lockMs?: number } = {}) {
      const scheduler = startScheduler(
        { runs: home.runs, queue, logger, now },
        { ...options, schedule, everyMs: 3_600_000, ...more },
      );
      onTestFinished(() => scheduler.close());
      return scheduler;
    },
  });
}

const runIds = async ({ home }: Office): Promise<string[]> => (await home.runs.list()).map(({ run }) => run.runId);

/** Ends a run as a worker does that finds nothing new. */
async function finish({ home }: Office, runId: string): Promise<void> {
  const outputs = { skipped: 'Nothing is new.' };
  await home.runs.write(runId, { stage: 'promote', state: 'finished', attempt: 1, startedAt: 1, endedAt: 2, outputs });
}

test('what is due is asked for once, at the start and whenever it comes due', async () => {
  const office = await createOffice();
  const scheduler = office.start();
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-13']);
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-13']);
  await finish(office, '2026-02-13');
  office.now = Date.parse('2026-02-15T01:29:59Z');
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-13']);
  office.now = Date.parse('2026-02-15T01:30:00Z');
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-14', '2026-02-13']);
});

test('after three days down all are caught up with, one after the other', async () => {
  const office = await createOffice();
  const scheduler = office.start({ schedule: { ...schedule, catchUp: 'all' } });
  await scheduler.tick();
  await finish(office, '2026-02-13');
  office.now = Date.parse('2026-02-17T12:00:00Z');
  await scheduler.tick();
  // The next begins when this one has ended.
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-14', '2026-02-13']);
  await finish(office, '2026-02-14');
  await scheduler.tick();
  await finish(office, '2026-02-15');
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-16', '2026-02-15', '2026-02-14', '2026-02-13']);
  const { run } = await office.home.runs.read('2026-02-15');
  expect(run.cut.occurredBefore).toBe(Date.parse('2026-02-15T23:00:00Z'));
});

test('a day that failed by hand is asked for by the schedule; one that failed by the schedule is not', async () => {
  const office = await createOffice();
  const problem = { code: 'X', message: 'x' };
  const failed = { stage: 'dataset', state: 'failed', attempt: 1, startedAt: 1, endedAt: 2, problem } as const;
  await office.queue.request({ day: '2026-02-13', requestedBy: 'somebody' });
  await office.home.runs.write('2026-02-13', failed);
  const scheduler = office.start();
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-13-2', '2026-02-13']);
  await office.home.runs.write('2026-02-13-2', failed);
  await scheduler.tick();
  expect(await runIds(office)).toEqual(['2026-02-13-2', '2026-02-13']);
});

test('a schedule that was removed, altered or joined by another one is put right', async () => {
  const office = await createOffice();
  const scheduler = office.start();
  const actual = async () =>
    (await office.kickOffs.getJobSchedulers()).map(({ key, pattern, tz }) => ({ key, pattern, tz }));
  const wanted = [{ key: 'refresh', pattern: '30 2 * * *', tz: 'Europe/Berlin' }];
  await scheduler.tick();
  expect(await actual()).toEqual(wanted);
  await office.kickOffs.removeJobScheduler('refresh');
  await scheduler.tick();
  expect(await actual()).toEqual(wanted);
  await office.kickOffs.upsertJobScheduler('refresh', { pattern: '0 5 * * *', tz: 'UTC' });
  await office.kickOffs.upsertJobScheduler('another', { pattern: '0 6 * * *' });
  await scheduler.tick();
  expect(await actual()).toEqual(wanted);
  // What stands in Redis says when it is next, by the wall clock of the machine.
  const [{ next = 0 } = {}] = await office.kickOffs.getJobSchedulers();
  expect(next).toBeGreaterThan(Date.now());
  expect(new Intl.DateTimeFormat('sv', { timeZone: 'Europe/Berlin', timeStyle: 'short' }).format(next)).toBe('02:30');
});

test('a schedule that was switched off is taken away, and nothing is due', async () => {
  const office = await createOffice();
  const on = office.start();
  await on.tick();
  await on.close();
  await finish(office, '2026-02-13');
  office.now = Date.parse('2026-02-20T12:00:00Z');
  const off = office.start({ schedule: { ...schedule, cron: 'off' } });
  await off.tick();
  expect(await office.kickOffs.getJobSchedulers()).toEqual([]);
  expect(await runIds(office)).toEqual(['2026-02-13']);
});

test('exactly one process looks after the schedule, and another one takes over', async () => {
  const office = await createOffice();
  const first = office.start();
  await first.tick();
  const second = office.start();
  await second.tick();
  expect([first.isHolder, second.isHolder]).toEqual([true, false]);
  await first.close();
  await second.tick();
  expect(second.isHolder).toBe(true);
});

test('a holder that is gone without a word loses its right when its time is over', async () => {
  const office = await createOffice();
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  await connection.set(`office${prefixes}:scheduler`, 'somebody who was killed', 'PX', 300);
  const scheduler = office.start({ lockMs: 300 });
  await scheduler.tick();
  expect(scheduler.isHolder).toBe(false);
  await expect
    .poll(async () => {
      await scheduler.tick();
      return scheduler.isHolder;
    })
    .toBe(true);
});

test('a run whose jobs are gone gets them again', async () => {
  const office = await createOffice();
  const scheduler = office.start();
  await scheduler.tick();
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  await connection.flushall();
  expect((await office.queue.counts()).trainer).toMatchObject({ waiting: 0 });
  office.now += 60_000;
  await scheduler.tick();
  expect((await office.queue.counts()).trainer).toMatchObject({ waiting: 1 });
  expect((await office.queue.counts()).indexer).toMatchObject({ 'waiting-children': 3 });
});

test('what is left of a run of the same name, of a home that is gone, does not stand for this one', async () => {
  const office = await createOffice();
  const { report } = await office.queue.request({ day: '2026-02-12', requestedBy: 'somebody' });
  const sameName = { ...report.run, requestedAt: report.run.requestedAt + 1 };
  await office.queue.ensureJobs(sameName);
  expect((await office.queue.counts()).trainer).toMatchObject({ waiting: 1 });
  const connection = new Redis(redis.url);
  onTestFinished(() => connection.disconnect());
  const trainer = new Queue('trainer', { connection, prefix: `office${prefixes}` });
  onTestFinished(() => trainer.close());
  const [job] = await trainer.getWaiting();
  expect(job?.data).toEqual({ runId: '2026-02-12', requestedAt: sameName.requestedAt });
});

test('a run that its own process works on is given no jobs', async () => {
  const office = await createOffice();
  await office.queue.request({ day: '2026-02-12', requestedBy: 'facet refresh', place: 'here' });
  office.now += 3_600_000;
  const scheduler = office.start();
  await scheduler.tick();
  expect((await office.queue.counts()).indexer).toMatchObject({ 'waiting-children': 3 });
  expect((await office.home.runs.list()).map(({ run }) => [run.runId, run.place])).toEqual([
    ['2026-02-13', 'queue'],
    ['2026-02-12', 'here'],
  ]);
});

test('without Redis it says so and goes on when Redis is back', { timeout: 30_000 }, async () => {
  const office = await createOffice();
  const scheduler = office.start();
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
