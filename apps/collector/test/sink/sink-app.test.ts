import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHttpMetrics } from '@facet/http';
import { connectKafka, openKafkaPublisher, topicNames } from '@facet/kafka';
import { AppError, createLogger } from '@facet/platform';
import { commonRoutes, expectRouteAccess, forTest, scopeKeys, temporaryFolder } from '@facet/testing';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { createSinkApp } from '../../src/sink/sink-app.ts';
import type { SinkStatus } from '../../src/sink/sink-app.ts';
import type { SinkState } from '../../src/sink/sink-state.ts';

const now = 1_800_000_000_000;
const stallMs = 120_000;
const groupStallMs = 60_000;
const position = { topic: 'facet.events.v1', partition: 0, next: 80, stored: 60, end: 100 };
const working: SinkState = {
  group: { id: 'facet-sink', isMember: true, since: now - 600_000 },
  positions: [position],
  groupPartitions: [{ ...position, start: 0, progressedAt: now - 1_000 }],
  groupReadAt: now,
  lastProgressAt: now - 1_000,
  bufferedRows: 20,
  outages: [],
  failure: undefined,
};
async function createApp(state: SinkState, lakeFolder = 'none', readError = 'EVENTS_LAKE_UNREADABLE') {
  const logger = createLogger({ name: 'test', level: 'silent' });
  const kafka = connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test', logger });
  const publisher = openKafkaPublisher(kafka, { closeTimeoutMs: 1 });
  onTestFinished(async () => {
    await publisher.close();
    await kafka.close();
  });
  return forTest(
    await createSinkApp(
      {
        logger,
        metrics: createHttpMetrics(),
        readState: () => state,
        dataHealth: {
          read: async () => Promise.reject(new AppError('No lake.', { code: readError, category: 'unavailable' })),
        },
        lakeFolder,
        kafka,
        publisher,
        topics: topicNames('test'),
        eventTypes: [],
        now: () => now,
      },
      { access: { kind: 'keys', keys: scopeKeys }, stallMs, groupStallMs },
    ),
  );
}

const probe = async (state: SinkState): Promise<readonly [alive: number, ready: number, why: string]> => {
  const app = await createApp(state);
  const alive = await app.inject('/healthz');
  return [alive.statusCode, (await app.inject('/readyz')).statusCode, alive.json<{ message?: string }>().message ?? ''];
};

it('requires a key with its scope for every route but probes', async () => {
  await expectRouteAccess(await createApp(working), {
    ...commonRoutes,
    'GET /v1/status': 'read',
    'GET /v1/data-health': 'read',
    'GET /v1/lake': 'read',
    'GET /v1/dead-letters': 'read',
    'GET /v1/dead-letters/:id': 'read',
    'POST /v1/dead-letters/redrive': 'admin',
  });
});

it(
  'names the remedy while the bucket of the lake does not respond, and without s3.yaml',
  { tags: 'full' },
  async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'key').stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    onTestFinished(() => void vi.unstubAllEnvs());
    const lakeFolder = await temporaryFolder();
    const app = await createApp(working, lakeFolder);
    const readLake = async () => (await app.inject({ url: '/v1/lake', headers: { 'x-api-key': 'admin' } })).json();
    const settings = join(lakeFolder, 's3.yaml');
    await writeFile(settings, 'bucket: facet\nprefix: home\nregion: r\nendpoint: http://127.0.0.1:1\n');
    expect(await readLake()).toMatchObject({
      statusCode: 503,
      code: 'S3_UNREACHABLE',
      remedy: expect.stringContaining('Check endpoint and region in s3.yaml'),
    });
    await rm(settings);
    await mkdir(join(lakeFolder, '_delta_log'));
    const moved = { commitInfo: { engineInfo: 'Facet on S3' } };
    await writeFile(join(lakeFolder, '_delta_log/00000000000000000000.json'), JSON.stringify(moved));
    expect(await readLake()).toMatchObject({
      statusCode: 503,
      code: 'EVENTS_LAKE_NOT_CONFIGURED',
      remedy: expect.stringContaining('If lake/s3.yaml is missing'),
    });
  },
);

it('names the errors of a read of the lake', async () => {
  for (const code of ['EVENTS_LAKE_COPIES_FULL', 'EVENTS_LAKE_SNAPSHOT_EXPIRED']) {
    const app = await createApp(working, 'none', code);
    const response = await app.inject({ url: '/v1/data-health', headers: { 'x-api-key': 'admin' } });
    expect(response.json()).toMatchObject({ statusCode: 503, code });
  }
});

it('reports its progress', async () => {
  const app = await createApp(working);
  const { partitions, ...rest } = (await app.inject({ url: '/v1/status', headers: { 'x-api-key': 'admin' } })).json();
  expect(partitions).toEqual([
    { topic: 'facet.events.v1', partition: 0, end: 100, processed: 80, stored: 60, lag: 40 },
  ]);
  expect(rest).toMatchObject({ bufferedRows: 20, stalledSeconds: 1, outages: [], group: { isMember: true } });
});

it('is alive while it makes progress or has no work', async () => {
  expect(await probe(working)).toEqual([200, 200, '']);
  const still = { ...working, lastProgressAt: now - stallMs - 1 };
  expect(await probe(still)).toEqual([503, 200, expect.stringContaining('no progress for 120 seconds')]);
  const done = { ...still, positions: [{ ...position, next: 100, stored: 100 }] };
  expect(await probe(done)).toEqual([200, 200, '']);
});

it('is not alive when it only joins the group again and again', async () => {
  const joined = { ...working.group, since: now - 1_000 };
  const storm = { ...working, group: joined, lastProgressAt: now - stallMs - 1 };
  expect(await probe(storm)).toEqual([503, 200, expect.stringContaining('no progress')]);
  expect(await probe({ ...storm, group: { ...joined, isMember: false } })).toEqual([503, 503, expect.any(String)]);
});

it('is not ready while no sink stores a partition, even if it has no partition', async () => {
  const stuck = {
    topic: 'facet.events.v1',
    partition: 3,
    start: 0,
    end: 1_000_500,
    stored: 500,
    progressedAt: now - groupStallMs - 1,
  };
  const blind = { ...working, positions: [], groupPartitions: [stuck] };
  const app = await createApp(blind);
  const ready = await app.inject('/readyz');
  expect(ready.statusCode).toBe(503);
  expect(ready.json()).toMatchObject({ message: expect.stringContaining('1000000 messages wait') as string });
  const status = (await app.inject({ url: '/v1/status', headers: { 'x-api-key': 'admin' } })).json<SinkStatus>();
  expect(status.group).toMatchObject({ lag: 1_000_000, stalledSeconds: 60.001 });
  const metrics = await app.inject({ url: '/metrics', headers: { 'x-api-key': 'admin' } });
  expect(metrics.statusCode).toBe(200);
  expect(await probe({ ...blind, groupPartitions: [{ ...stuck, progressedAt: now - 30_000 }] })).toEqual([
    200,
    200,
    '',
  ]);
});

it('reports the dependency that it waits for', async () => {
  const outages = [{ dependency: 'redis', since: now - 5_000, problem: 'It is away.' }];
  expect(await probe({ ...working, outages })).toEqual([200, 503, '']);
  const long = { ...working, outages, lastProgressAt: now - 200_000 };
  expect(await probe(long)).toEqual([503, 503, expect.stringContaining('waits for redis')]);
});

it('is not ready outside the group, and not alive after its consumer has stopped', async () => {
  const outside = { ...working, group: { ...working.group, isMember: false, since: now - 10_000 } };
  expect(await probe(outside)).toEqual([200, 503, '']);
  expect(
    await probe({ ...working, failure: new AppError('Over.', { code: 'SINK_CONSUMER_CRASHED', category: 'crashed' }) }),
  ).toEqual([503, 200, 'The consumer has stopped.']);
});
