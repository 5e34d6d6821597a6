import { startRedis } from '@facet/local-services';
import { dayMs, hourMs } from '@facet/platform';
import { forFile } from '@facet/testing';
import { expect, it } from 'vitest';
import { createTestApp, lastDay, now } from './fixtures.ts';

const redis = forFile(await startRedis());

const headers = { 'x-api-key': 'read' };

it('reads when refreshes are due, whether one is overdue, and the jobs of the queue', async () => {
  const settings = "refresh: { cron: '30 2 * * *', timeZone: UTC, promoteWithinHours: 6 }\n";
  const { app, queue, home } = await createTestApp(redis.url, settings);
  const read = async () => (await app.inject({ url: '/v1/schedule', headers })).json();
  const due = Date.UTC(2026, 2, 2, 2, 30);
  const first = await read();
  expect(first).toMatchObject({ cron: '30 2 * * *', timeZone: 'UTC', completedDay: null, overdueSeconds: 0 });
  expect(first.next.slice(0, 2)).toEqual([
    { day: '2026-03-01', dueAt: due, promoteBefore: due + 6 * hourMs },
    { day: '2026-03-02', dueAt: due + dayMs, promoteBefore: due + dayMs + 6 * hourMs },
  ]);
  expect(first.queue).toMatchObject({ trainer: { waiting: 0 }, indexer: { waiting: 0 } });

  // The newest completed day is two days old: yesterday's refresh was due at 02:30 with six hours to promote.
  const requestedAt = now - 2 * dayMs;
  const cut = { occurredBefore: requestedAt, receivedBefore: requestedAt };
  const request = {
    day: '2026-02-27',
    cut,
    isForced: false,
    isFull: false,
    place: 'here',
    requestedBy: 'test',
  } as const;
  await home.runs.findOrCreate({ ...request, requestedAt });
  const outputs = { skipped: 'Nothing is new.' };
  await home.runs.write('2026-02-27', { stage: 'dataset', state: 'finished', attempt: 1, startedAt: now, outputs });
  expect(await read()).toMatchObject({ completedDay: '2026-02-27', overdueSeconds: 3.5 * 3600 });
  await queue.request({ day: lastDay, requestedBy: 'test' });
  expect((await read()).queue.trainer).toMatchObject({ waiting: 1 });
});

it('has no next refresh without a schedule, and no queue during an outage of Redis', { tags: 'full' }, async () => {
  const lost = await startRedis();
  const { app } = await createTestApp(lost.url, 'refresh: { cron: off }\n');
  await lost.stop();
  const schedule = (await app.inject({ url: '/v1/schedule', headers })).json();
  expect(schedule).toMatchObject({ cron: 'off', next: [], overdueSeconds: 0, queue: null });
});
