import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileEventLog } from '@facet/event-log';
import { assignArms, ExposureWriter, parseExperiments } from '@facet/exposures';
import { sinkLog } from '@facet/lake';
import { startRedis } from '@facet/local-services';
import { dayMs, hourMs } from '@facet/platform';
import { forFile } from '@facet/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createTestApp, now } from './fixtures.ts';
import type { Home } from './fixtures.ts';

const redis = forFile(await startRedis());

const headers = { 'x-api-key': 'read' };
const settings = `
experiments:
  - name: merge
    from: 2026-02-20
    to: 2026-03-20
    arms:
      control: {}
      spread: { merge: { by: round-robin } }
  - name: later
    from: 2027-01-01
    arms: { a: {}, b: { breadth: 64 } }
`;

/** On each of two days, a hundred users get two items. Every fourth user clicks the first one within an hour. */
async function recordTraffic({ paths }: Home): Promise<void> {
  const arms = { control: { weight: 1 }, spread: { weight: 1 } };
  const experiments = parseExperiments([{ name: 'merge', share: 1, arms, shadow: {} }]);
  const exposures = new ExposureWriter({ folder: paths.exposuresFolder, retentionDays: 10_000 });
  const log = await openFileEventLog(paths.logFolder);
  for (const day of [2, 3]) {
    const respondedAt = now - day * dayMs;
    for (let user = 0; user < 100; user++) {
      const recommendationId = `r-${day}-${user}`;
      const userId = `user-${user}`;
      exposures.append({
        recommendationId,
        respondedAt,
        bundleId: 'b',
        userId,
        arms: assignArms(experiments, userId, respondedAt),
        source: { kind: 'model' },
        merge: { by: 'max' },
        items: ['a', 'b'],
        interests: [0, 1],
        offset: 0,
      });
      if (user % 4 > 0) continue;
      const at = respondedAt + hourMs / 2;
      const event = { eventId: recommendationId, type: 'click', userId, itemId: 'a', recommendationId };
      await log.append([{ ...event, occurredAt: at, receivedAt: at }]);
    }
  }
  await exposures.close();
  await sinkLog(log, paths.lakeFolder);
  await log.close();
}

it('lists the experiments of facet.yaml with their states', async () => {
  const { app } = await createTestApp(redis.url, settings);
  const { experiments } = (await app.inject({ url: '/v1/experiments', headers })).json();
  expect(experiments).toEqual([
    {
      name: 'merge',
      state: 'running',
      from: Date.UTC(2026, 1, 20),
      before: Date.UTC(2026, 2, 20),
      share: 1,
      arms: [
        { name: 'control', weight: 1, settings: {} },
        { name: 'spread', weight: 1, settings: { merge: { by: 'round-robin' } } },
      ],
      shadow: [],
    },
    expect.objectContaining({ name: 'later', state: 'scheduled' }),
  ]);
});

it('compares the arms over the window and for each day', async () => {
  const { app, home } = await createTestApp(redis.url, settings);
  await recordTraffic(home);
  const read = async (query = '') =>
    (await app.inject({ url: `/v1/experiments/merge/report${query}`, headers })).json();
  const report = await read();
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  expect(report.arms.map(({ arm }: { arm: string }) => arm)).toEqual(['control', 'spread']);
  expect(sum(report.arms.map(({ exposures }: { exposures: number }) => exposures))).toBe(200);
  expect(report.sampleRatio).toMatchObject({ isMismatch: false, degrees: 1 });
  const clicked = report.arms.map(
    (arm: { exposures: number; outcomes: { ofExposures: { estimate: { value: number } } }[] }) =>
      arm.exposures * arm.outcomes[0]!.ofExposures.estimate.value,
  );
  expect(sum(clicked)).toBeCloseTo(50);
  expect(report.days.map(({ day }: { day: string }) => day)).toEqual([
    '2026-02-26',
    '2026-02-27',
    '2026-02-28',
    '2026-03-01',
  ]);
  for (const day of report.days.slice(0, 2)) {
    expect(sum(day.arms.map(({ exposures }: { exposures: number }) => exposures))).toBe(100);
  }

  expect((await read('?outcomes=purchase')).arms[0].outcomes).toMatchObject([{ outcome: 'purchase' }]);
  expect((await read('?from=2026-02-27')).counts.exposures).toBe(100);
  expect(await read('?from=soon')).toMatchObject({ statusCode: 400, field: 'from' });
});

it('reports zeros without responses, and 404 for an unknown experiment', async () => {
  const { app } = await createTestApp(redis.url, settings);
  const get = async (name: string) => app.inject({ url: `/v1/experiments/${name}/report`, headers });
  expect((await get('merge')).json()).toMatchObject({ counts: { exposures: 0 }, days: [] });
  const unknown = await get('other');
  expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'EXPERIMENT_UNKNOWN']);
});

it('names the remedy while the bucket of the lake does not respond', { tags: 'full' }, async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key').stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { app, home } = await createTestApp(redis.url, settings);
  await mkdir(home.paths.lakeFolder, { recursive: true });
  await writeFile(
    join(home.paths.lakeFolder, 's3.yaml'),
    'bucket: facet\nprefix: home\nregion: r\nendpoint: http://127.0.0.1:1\n',
  );
  expect((await app.inject({ url: '/v1/experiments/merge/report', headers })).json()).toMatchObject({
    statusCode: 503,
    code: 'S3_UNREACHABLE',
    remedy: expect.stringContaining('Check endpoint and region in s3.yaml'),
  });
});
