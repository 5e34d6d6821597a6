/** @module-tag full */
import { readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lakeStatus, openLakeWriter } from '@facet/lake';
import { connectKafka, fetchExtents } from '@facet/kafka';
import { startRedis, startS3 } from '@facet/local-services';
import { breakFile, forTest } from '@facet/testing';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import {
  createBench,
  eventRecord,
  exitOutput,
  expectEachOnce,
  isCaughtUp,
  readStatus,
  startProcess,
  until,
} from './fixtures.ts';
import type { SinkBench } from './fixtures.ts';

/** Returns the path of a record in a transaction log of the home. */
const recordOf = ({ home }: SinkBench, folder: string, version: number): string =>
  join(home, folder, `${String(version).padStart(20, '0')}.json`);

it('shares the partitions with a second sink, which takes over after the first leaves', async () => {
  const bench = await createBench();
  const first = await bench.startSink();
  await until(async () => (await readStatus(first)).partitions.length === 8);
  await bench.publishEvents('a', 400);
  const second = await bench.startSink();
  await until(async () => (await readStatus(second)).partitions.length === 4);
  await until(async () => (await readStatus(first)).partitions.length === 4);
  await bench.publishEvents('b', 400);
  await until(async () => {
    const stored = (await lakeStatus(join(bench.home, 'lake'))).rows;
    return stored === 800;
  });
  await bench.publishEvents('c', 400);
  await first.close();
  await until(() => isCaughtUp(second, 1_200));
  await expectEachOnce(bench);
  expect((await bench.store.read('u3'))?.events).toHaveLength(15);
});

it('reports the messages that wait for a killed sink, while the group still waits for it', async () => {
  const bench = await createBench();
  const killed = await startProcess(bench, { FACET_SINK_SESSION_SECONDS: '60' });
  await until(async () => (await readStatus(killed)).partitions.length === 8);
  await killed.kill();
  await bench.publishEvents('e', 200);
  const { url } = await startProcess(bench);
  await until(async () => (await readStatus({ url })).group.lag === 200);
  const { group, partitions } = await readStatus({ url });
  expect({ isMember: group.isMember, partitions }).toEqual({ isMember: false, partitions: [] });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const lags = [...metrics.matchAll(/^facet_sink_lag\{.*\} (\d+)$/gm)].map(([, lag]) => Number(lag));
  expect(lags.reduce((sum, lag) => sum + lag, 0)).toBe(200);
});

it('stores its buffer and leaves the group on SIGTERM', async () => {
  const bench = await createBench();
  await bench.publishEvents('e', 200);
  const sink = await startProcess(bench, { FACET_SINK_COMMIT_SECONDS: '600' });
  await until(async () => (await readStatus(sink)).bufferedRows === 200, 60);
  expect(await sink.stop()).toBe(0);
  await expectEachOnce(bench);
  const startedAt = Date.now();
  const next = await bench.startSink();
  await until(() => isCaughtUp(next, 200));
  expect(Date.now() - startedAt).toBeLessThan(20_000);
});

it(
  'writes each event once to a lake on S3, whose server stops while the sink is killed',
  { timeout: 180_000 },
  async () => {
    const bench = await createBench();
    const s3 = forTest(await startS3());
    for (const [name, value] of Object.entries(s3.env)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const lake = join(bench.home, 'lake');
    await s3.writeConfig(lake, 'shop');
    const killed = await startProcess(bench, s3.env);
    await bench.publishEvents('a', 400);
    await until(() => isCaughtUp(killed, 400), 60);
    await s3.kill();
    await bench.publishEvents('b', 400);
    await until(async () => (await readStatus(killed)).outages.some(({ dependency }) => dependency === 'lake'), 60);
    expect((await readStatus(killed)).bufferedRows).toBe(400);
    await killed.kill();
    await s3.start();
    const next = await startProcess(bench, s3.env);
    await bench.publishEvents('c', 400);
    await until(() => isCaughtUp(next, 1_200), 60);
    await expectEachOnce(bench);
    expect((await readdir(lake)).filter((name) => name.startsWith('dt='))).toEqual([]);
  },
);

it('exits with code 6 when the consumer cannot continue', async () => {
  const bench = await createBench();
  const other = connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'other' });
  // All members of a group must share an assignment protocol, and the sink uses another one.
  const consumer = other.client.consumer({
    groupId: `${bench.prefix}-sink`,
    partitionAssigners: [
      () => ({
        name: 'ours',
        version: 1,
        assign: async () => [],
        protocol: () => ({ name: 'ours', metadata: Buffer.alloc(0) }),
      }),
    ],
  });
  onTestFinished(async () => {
    await consumer.disconnect();
    await other.close();
  });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topic: bench.topics.events });
  await consumer.run({ eachMessage: async () => undefined });
  await joined;
  const said = await exitOutput(startProcess(bench));
  expect(said).toContain('exited with 6');
  expect(said).toContain('SINK_CONSUMER_CRASHED');
});

it('restarts the consumer after a broker has ended while a connection to it was opened', async () => {
  const bench = await createBench();
  const require = createRequire(import.meta.url);
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup.js') as {
    readonly prototype: { joinAndSync: () => Promise<void> };
  };
  const joining = vi.spyOn(ConsumerGroup.prototype, 'joinAndSync');
  onTestFinished(() => joining.mockRestore());
  // kafkajs throws this plain error.
  joining.mockRejectedValueOnce(new Error('Broker not connected'));
  const sink = await bench.startSink();
  await bench.publishEvent('e1', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 1));
  expect(joining.mock.calls.length).toBeGreaterThan(1);
});

it('continues when it must read again while a crashed consumer closes its connections', async () => {
  const bench = await createBench();
  const sink = await bench.startSink();
  const onFailed = vi.fn();
  sink.failed.catch(onFailed);
  await bench.publishEvent('e1', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 1));
  const require = createRequire(import.meta.url);
  const Cluster = require('kafkajs/src/cluster/index.js') as { readonly prototype: { disconnect(): Promise<void> } };
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup.js') as {
    readonly prototype: { fetch(): Promise<void> };
  };
  const { KafkaJSNoBrokerAvailableError } = require('kafkajs/src/errors.js') as {
    readonly KafkaJSNoBrokerAvailableError: new () => Error;
  };
  const fetching = vi
    .spyOn(ConsumerGroup.prototype, 'fetch')
    .mockRejectedValueOnce(new KafkaJSNoBrokerAvailableError());
  const closing = vi.spyOn(Cluster.prototype, 'disconnect').mockImplementationOnce(() => delay(4_000));
  onTestFinished(() => [fetching, closing].forEach((spy) => spy.mockRestore()));
  await until(async () => closing.mock.calls.length > 0);
  await bench.store.clear();
  await until(async () => (await bench.store.read('ada')) !== undefined);
  await bench.publishEvent('e2', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 2));
  expect(onFailed).not.toHaveBeenCalled();
  await expectEachOnce(bench);
});

it('continues when a coordinator that is still loading refuses its return to the group', async () => {
  const bench = await createBench();
  const sink = await bench.startSink();
  await bench.publishEvent('e1');
  await until(() => isCaughtUp(sink, 1));
  const require = createRequire(import.meta.url);
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup.js') as {
    readonly prototype: { heartbeat: () => Promise<void>; joinAndSync: () => Promise<void> };
  };
  const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as {
    readonly createErrorFromCode: (code: number) => Error;
  };
  const [isLoading, isNotCoordinator] = [14, 16].map(createErrorFromCode) as [Error, Error];
  const heartbeat = vi.spyOn(ConsumerGroup.prototype, 'heartbeat').mockRejectedValueOnce(isNotCoordinator);
  const joining = vi.spyOn(ConsumerGroup.prototype, 'joinAndSync').mockRejectedValueOnce(isLoading);
  onTestFinished(() => [heartbeat, joining].forEach((spy) => spy.mockRestore()));
  await until(async () => joining.mock.calls.length === 1);
  await bench.publishEvent('e2');
  await until(() => isCaughtUp(sink, 2));
  expect((await readStatus(sink)).group.isMember).toBe(true);
  await expectEachOnce(bench);
});

it('waits for Redis, reports the outage, and refills Redis when it returns empty', async () => {
  const redis = forTest(await startRedis());
  const bench = await createBench({ redisUrl: redis.url });
  const sink = await bench.startSink();
  await bench.publishEvent('e1', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 1));
  await redis.kill();
  await bench.publishEvent('e2', { userId: 'ada' });
  await until(async () => (await readStatus(sink)).outages.some(({ dependency }) => dependency === 'redis'));
  const ready = await fetch(`${sink.url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    code: 'NOT_READY',
    message: expect.stringContaining('redis') as string,
  });
  expect(await bench.lakeIds()).toEqual(['e1']);

  await redis.start();
  await until(() => isCaughtUp(sink, 2));
  await until(async () => (await bench.store.read('ada').catch(() => undefined))?.events.length === 2);
  expect((await fetch(`${sink.url}/readyz`)).status).toBe(200);
  await expectEachOnce(bench);
});

it('waits for a lake and a catalog that cannot be read when it joins the group', async () => {
  const bench = await createBench();
  await bench.publishEvent('e1');
  const sink = await bench.startSink({ FACET_REDIS_URL: '' });
  const records = { lake: recordOf(bench, 'lake/_delta_log', 0), catalog: recordOf(bench, 'catalog/_log', 1) };
  for (const record of Object.values(records)) await breakFile(record);
  for (const [dependency, record] of Object.entries(records)) {
    await until(async () => (await readStatus(sink)).outages.some((outage) => outage.dependency === dependency));
    expect((await readStatus(sink)).outages).toMatchObject([{ problem: expect.stringContaining('EIO') as string }]);
    await rm(record);
  }
  await until(() => isCaughtUp(sink, 1));
  expect(await readStatus(sink)).toMatchObject({ outages: [] });
});

it('waits for a lake that cannot be read when it refills Redis, and reports no outage of Redis', async () => {
  const bench = await createBench();
  const sink = await bench.startSink();
  await bench.publishEvent('e1', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 1));
  const { version } = await lakeStatus(join(bench.home, 'lake'));
  const record = recordOf(bench, 'lake/_delta_log', version + 1);
  await breakFile(record);
  await bench.store.clear();
  await until(async () => (await readStatus(sink)).outages.length > 0);
  expect((await readStatus(sink)).outages).toMatchObject([
    { dependency: 'lake', problem: expect.stringContaining('EIO') as string },
  ]);
  await rm(record);
  await until(async () => (await bench.store.read('ada')) !== undefined);
  await until(async () => (await readStatus(sink)).outages.length === 0);
});

it('applies again what Redis loses before an outage that is longer than FACET_SINK_REFILL_SECONDS', async () => {
  const redis = forTest(await startRedis({ persistent: true }));
  const bench = await createBench({ redisUrl: redis.url });
  const sink = await bench.startSink({ FACET_SINK_REFILL_SECONDS: '4' });
  await bench.publishEvent('e1', { userId: 'early' });
  await until(() => isCaughtUp(sink, 1));
  await delay(6_000);
  await bench.publishEvent('e2', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 2));
  // Redis loses all profiles, but not the mark of the fill.
  await bench.store.rebuild((async function* () {})(), { receivedBefore: Date.now() });
  await redis.kill();
  await bench.publishEvent('e3', { userId: 'ada' });
  await until(async () => (await readStatus(sink)).outages.some(({ dependency }) => dependency === 'redis'));
  await delay(6_000);
  await redis.start();
  await until(() => isCaughtUp(sink, 3));
  await until(async () => (await bench.store.read('ada').catch(() => undefined))?.events.length === 2);
  // Redis had this profile for longer than the setting.
  expect(await bench.store.read('early')).toBeUndefined();
  await expectEachOnce(bench);
});

it('applies the commits of the last FACET_SINK_REFILL_SECONDS again when it starts', async () => {
  const bench = await createBench();
  const lake = await openLakeWriter(join(bench.home, 'lake'));
  for (let offset = 0; offset < 20; offset++) {
    const ids = { eventId: `e${offset}`, userId: `u${offset}`, itemId: 'i' };
    const at = Date.now();
    lake.add('other-0', [{ offset, event: { ...ids, type: 'click', occurredAt: at, receivedAt: at } }], offset + 1);
    await lake.commit();
  }
  await lake.close();
  await bench.store.endFill((await bench.store.beginFill()).fillId);
  await bench.startSink();
  await until(async () => (await bench.store.size()) === 20);
});

it('counts messages that the log deletes during an outage', async () => {
  const redis = forTest(await startRedis());
  const bench = await createBench({ redisUrl: redis.url });
  const { topics, publisher } = bench;
  const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
  const publish = (...ids: string[]) =>
    publisher.publish(ids.map((id) => eventRecord(topics.events, id, { userId: 'ada' })));
  const sink = await bench.startSink();
  await publish('a');
  await until(() => isCaughtUp(sink, 1));

  // The sink applies b, holds c until b is applied, and fetches nothing after c.
  process.kill(redis.pid, 'SIGSTOP');
  await publish('b');
  await until(async () => (await readStatus(sink)).partitions.some(({ processed }) => processed === 2));
  await publish('c');
  await until(async () => (await readStatus(sink)).outages.length > 0);
  await publish('d', 'e', 'f');
  const { partition } = (await fetchExtents(kafka, topics.events)).find(({ end }) => end === 6)!;
  const admin = await kafka.admin();
  await admin.deleteTopicRecords({ topic: topics.events, partitions: [{ partition, offset: '5' }] });
  process.kill(redis.pid, 'SIGCONT');

  await until(() => isCaughtUp(sink, 6));
  expect(await bench.lakeIds()).toEqual(['a', 'b', 'c', 'f']);
  expect(await (await fetch(`${sink.url}/metrics`)).text()).toContain(
    `facet_sink_lost_messages_total{topic="${topics.events}"} 2`,
  );
});

it('exits on SIGTERM while Redis is away, and leaves unapplied messages to the next sink', async () => {
  const redis = forTest(await startRedis({ persistent: true }));
  const bench = await createBench({ redisUrl: redis.url });
  const sink = await startProcess(bench);
  await bench.publishEvent('e1', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 1));
  await redis.kill();
  await bench.publishEvent('e2', { userId: 'ada' });
  await until(async () => (await readStatus(sink)).outages.some(({ dependency }) => dependency === 'redis'));
  expect(await sink.stop()).toBe(0);

  await redis.start();
  const next = await bench.startSink();
  await until(() => isCaughtUp(next, 2));
  await until(async () => (await bench.store.read('ada').catch(() => undefined))?.events.length === 2);
  await expectEachOnce(bench);
});

it('fills an empty profile store from the lake on start', async () => {
  const bench = await createBench();
  await bench.publishEvent('e1', { userId: 'ada' });
  const first = await bench.startSink();
  await until(() => isCaughtUp(first, 1));
  await first.close();
  await bench.store.clear();
  await bench.startSink();
  await until(async () => (await bench.store.read('ada')) !== undefined);
});

it('refills a profile store that was emptied while running', async () => {
  const bench = await createBench();
  const sink = await bench.startSink();
  await bench.publishEvent('e1', { userId: 'ada' });
  await until(() => isCaughtUp(sink, 1));
  await bench.store.clear();
  await until(async () => (await bench.store.read('ada')) !== undefined);
});

it('refills a profile store that a killed sink has filled partially', async () => {
  const bench = await createBench();
  const lake = await openLakeWriter(join(bench.home, 'lake'));
  for (let offset = 0; offset < 20; offset++) {
    const at = Date.UTC(2026, 0, 1) + offset;
    const ids = { eventId: `e${offset}`, userId: `u${offset}`, itemId: 'i' };
    lake.add('imported-0', [{ offset, event: { ...ids, type: 'click', occurredAt: at, receivedAt: at } }], offset + 1);
    await lake.commit();
  }
  await lake.close();
  await bench.store.beginFill();
  const interaction = { eventId: 'e7', type: 'click', itemId: 'i', occurredAt: 7 };
  await bench.store.apply([{ kind: 'event', userId: 'u7', receivedAt: 7, event: interaction }]);
  await bench.startSink();
  await until(async () => (await bench.store.size()) === 20);
});
