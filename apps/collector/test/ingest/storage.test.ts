import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '@facet/platform';
import { readIngestConfig } from '../../src/config.ts';
import { startIngest } from '../../src/ingest/start-ingest.ts';
import { createIngestMetrics } from '../../src/ingest/ingest-metrics.ts';
import { createRecordWriter } from '../../src/ingest/record-writer.ts';
import { openSpool } from '../../src/ingest/spool/spool.ts';
import { connectKafka, ensureTopics, openKafkaPublisher } from '@facet/kafka';
import type { LogRecord } from '@facet/kafka';
import { startKafka } from '@facet/local-services';
import { describe, expect, inject, it } from 'vitest';
import { createTestIngest, eventOf, keyOf, textOf } from './fixtures.ts';
import type { TestIngest } from './fixtures.ts';
import { readTopic } from './read-topic.ts';
import { forTest, seededBytes, temporaryFolder } from '@facet/testing';

const keys = [keyOf('all', ['ingest', 'admin'])];
const access = { kind: 'keys', keys } as const;
/** No process listens on this port. */
const deadBroker = '127.0.0.1:9';

describe('without Kafka', () => {
  it('reports before the first event that it cannot reach Kafka', { tags: 'full' }, async () => {
    const config = readIngestConfig({
      FACET_HOME: await temporaryFolder(),
      FACET_KAFKA_BROKERS: deadBroker,
      FACET_INSECURE: 'true',
      FACET_PORT: '0',
    });
    const ingest = forTest(await startIngest(config, { logger: createLogger({ name: 'test', level: 'silent' }) }));
    const read = async (path: string) => (await fetch(new URL(path, ingest.url))).text();
    await expect.poll(() => read('/metrics'), { timeout: 15_000 }).toContain('facet_collector_log_reachable 0');
    expect(JSON.parse(await read('/v1/status'))).toMatchObject({ log: 'unreachable', canStore: true });
  });

  it('keeps acknowledged events in the spool, and rejects events when it is full', async () => {
    const spoolFolder = await temporaryFolder();
    const ingest = await createTestIngest({
      spoolFolder,
      ingest: { access },
      brokers: [deadBroker],
      ackTimeoutMs: 300,
      spoolBytesMax: 4_000,
    });
    const { app } = ingest;
    const headers = { 'x-api-key': textOf('all') };
    const post = (id: string) =>
      app.inject({ method: 'POST', url: '/v1/events', headers, payload: eventOf(id, { note: 'x'.repeat(500) }) });
    const first = await post('first');
    expect(first.json()).toMatchObject({ accepted: 1, stored: 'spool' });
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    const responses = [first];
    while (responses.at(-1)?.statusCode === 202) responses.push(await post(`e${responses.length}`));
    const refused = responses.at(-1)!;
    expect(refused.json()).toMatchObject({ statusCode: 503, code: 'STORE_UNAVAILABLE' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(refused.body).not.toContain(spoolFolder);
    expect((await app.inject('/readyz')).statusCode).toBe(503);
    const status = (await app.inject({ url: '/v1/status', headers })).json<{
      spool: { bytes: number; records: number };
    }>();
    expect(status).toMatchObject({ log: 'unreachable', canStore: false, spool: { records: responses.length - 1 } });
    expect(status.spool.bytes).toBeLessThanOrEqual(4_000);
    await ingest.close();

    const again = forTest(
      await createTestIngest({ spoolFolder, ingest: { access }, brokers: [deadBroker], ackTimeoutMs: 300 }),
    );
    const kept = (await again.app.inject({ url: '/v1/status', headers })).json<{ spool: { records: number } }>();
    expect(kept.spool.records).toBe(responses.length - 1);
  });

  it('limits the queue in memory', async () => {
    const ingest = forTest(
      await createTestIngest({
        spoolFolder: await temporaryFolder(),
        ingest: { access },
        brokers: [deadBroker],
        ackTimeoutMs: 300,
        queueBytesMax: 1_000,
      }),
    );
    const headers = { 'x-api-key': textOf('all') };
    const responses = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        ingest.app.inject({
          method: 'POST',
          url: '/v1/events',
          headers,
          payload: eventOf(`e${at}`, { note: 'x'.repeat(300) }),
        }),
      ),
    );
    const statuses = responses.map(({ statusCode }) => statusCode);
    expect(statuses.filter((status) => status === 202)).toHaveLength(2);
    expect(statuses.filter((status) => status === 503)).toHaveLength(8);
    expect(responses.at(-1)?.json()).toMatchObject({ code: 'OVERLOADED' });
  });
});

it('refuses records above the size limit of the broker', async () => {
  const spoolFolder = await temporaryFolder();
  const headers = { 'x-api-key': textOf('all') };
  const payload = [eventOf('small'), eventOf('large', { note: 'x'.repeat(2_000) })];
  const strict = forTest(await createTestIngest({ spoolFolder, ingest: { access }, recordBytesMax: 1_000 }));
  const response = await strict.app.inject({ method: 'POST', url: '/v1/events', headers, payload });
  expect(response.json()).toMatchObject({
    accepted: 1,
    refused: 1,
    results: [{ eventId: 'large', reason: 'too-large' }],
  });
  const records = await readTopic(inject('kafkaBrokers'), strict.topics.events);
  expect(records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId)).toEqual(['small']);
  expect((await readdir(spoolFolder)).filter((name) => /spool|refused/.test(name))).toEqual([]);
});

it('asks the sender to keep records that the log refuses because of a wrong clock', async () => {
  const spoolFolder = await temporaryFolder();
  const hourMs = 3_600_000;
  // Brokers refuse records more than an hour ahead of their clock.
  const ahead = forTest(
    await createTestIngest({ spoolFolder, ingest: { access }, now: () => Date.now() + 2 * hourMs }),
  );
  const headers = { 'x-api-key': textOf('all') };
  const post = { method: 'POST', url: '/v1/events', headers, payload: eventOf('ahead') } as const;
  const erase = { method: 'DELETE', url: '/v1/users/ada', headers } as const;
  for (const request of [post, erase]) {
    const response = await ahead.app.inject(request);
    expect(response.json()).toMatchObject({ statusCode: 503, code: 'STORE_UNAVAILABLE' });
    expect(response.headers).toHaveProperty('retry-after');
  }
  expect(ahead.logLines.join('')).toContain('INVALID_TIMESTAMP');
});

it('keeps acknowledged records that the log refuses later, reports them, and sends them again on request', async () => {
  const spoolFolder = await temporaryFolder();
  const headers = { 'x-api-key': textOf('all') };
  const payload = [eventOf('before'), eventOf('large', { note: 'x'.repeat(2_000) }), eventOf('after')];
  const away = await createTestIngest({
    spoolFolder,
    ingest: { access },
    brokers: [deadBroker],
    ackTimeoutMs: 300,
  });
  const response = await away.app.inject({ method: 'POST', url: '/v1/events', headers, payload });
  expect(response.json()).toMatchObject({ accepted: 3, stored: 'spool' });
  await away.close();

  const readStatus = async ({ app }: TestIngest) => (await app.inject({ url: '/v1/status', headers })).json<unknown>();
  const readMetrics = async ({ app }: TestIngest) => (await app.inject({ url: '/metrics', headers })).body;
  const readIds = async () => {
    const records = await readTopic(inject('kafkaBrokers'), away.topics.events);
    return records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId);
  };
  const back = await createTestIngest({ spoolFolder, ingest: { access }, topics: away.topics, recordBytesMax: 1_000 });
  expect(await readMetrics(back)).toMatch(/^facet_collector_spool_refused_records_total [01]$/m);
  await expect
    .poll(() => readStatus(back), { timeout: 10_000 })
    .toMatchObject({ log: 'reachable', spool: { records: 0 } });
  expect(await readIds()).toEqual(['before', 'after']);
  const name = '0000000000000001.refused';
  const { size } = await stat(join(spoolFolder, name));
  expect(await readStatus(back)).toMatchObject({ spool: { bytes: size, refusedBytes: size } });
  const metrics = await readMetrics(back);
  expect(metrics).toMatch(/^facet_collector_spool_refused_records_total 1$/m);
  expect(metrics).toMatch(/^facet_collector_spool_replayed_records_total 2$/m);
  expect(metrics).toMatch(new RegExp(`^facet_collector_spool_refused_bytes ${size}$`, 'm'));
  const logged = back.logLines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(logged.filter((line) => Number(line['level']) >= 50)).toEqual([
    expect.objectContaining({
      segment: 1,
      reason: expect.stringContaining('MESSAGE_TOO_LARGE'),
      remedy: expect.stringContaining('delete the file cursor'),
    }),
  ]);
  await back.close();

  await rm(join(spoolFolder, 'cursor'));
  const corrected = forTest(await createTestIngest({ spoolFolder, ingest: { access }, topics: away.topics }));
  await expect
    .poll(() => readStatus(corrected), { timeout: 10_000 })
    .toMatchObject({ log: 'reachable', spool: { records: 0, bytes: 0, refusedBytes: 0 } });
  expect(new Set(await readIds())).toEqual(new Set(['before', 'large', 'after']));
  expect(await readdir(spoolFolder)).not.toContain(name);
});

it(
  'does not retry a spool with the times of a wrong clock, and forwards what was received before',
  { tags: 'full' },
  async () => {
    const spoolFolder = await temporaryFolder();
    const headers = { 'x-api-key': textOf('all') };
    let aheadMs = 0;
    const spooling = { spoolFolder, ingest: { access }, brokers: [deadBroker], ackTimeoutMs: 200 };
    const away = await createTestIngest({ ...spooling, now: () => Date.now() + aheadMs });
    const sent: string[] = [];
    for (let request = 0; request < 30; request++) {
      // Brokers refuse records more than an hour ahead of their clock.
      if (request === 10) aheadMs = 2 * 3_600_000;
      const payload = Array.from({ length: 200 }, (_, at) => eventOf(`${request}-${at}`, { userId: `user${at}` }));
      const response = await away.app.inject({ method: 'POST', url: '/v1/events', headers, payload });
      expect(response.json()).toMatchObject({ stored: 'spool' });
      if (request < 10) sent.push(...payload.map(({ eventId }) => eventId));
    }
    await away.close();

    const back = forTest(await createTestIngest({ spoolFolder, ingest: { access }, topics: away.topics }));
    const readStatus = async () => (await back.app.inject({ url: '/v1/status', headers })).json<unknown>();
    await expect.poll(readStatus, { timeout: 120_000 }).toMatchObject({ log: 'reachable', spool: { records: 0 } });
    const records = await readTopic(inject('kafkaBrokers'), back.topics.events);
    const ids = records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId);
    expect(new Set(ids)).toEqual(new Set(sent));
    // Finding the first refused record sends smaller and smaller parts again.
    expect(ids.length).toBeLessThan(3 * sent.length);
    const { body } = await back.app.inject({ url: '/metrics', headers });
    expect(body).toMatch(/^facet_collector_spool_refused_records_total 4000$/m);
    expect(body).toMatch(/^facet_collector_spool_replayed_records_total 2000$/m);
  },
);

it(
  'replays records that Kafka refuses one by one, even if a whole chunk of them takes too long',
  { tags: 'full', timeout: 120_000 },
  async () => {
    const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
    const topic = `t${randomUUID()}`;
    const configEntries = [{ name: 'max.message.bytes', value: '1000' }];
    await (
      await kafka.admin()
    ).createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true });
    const spool = forTest(await openSpool(await temporaryFolder(), { bytesMax: 8 << 20 }));
    const refused = 100;
    for (let at = 0; at <= refused; at++) {
      const value = at === refused ? 'small' : seededBytes(2_000).toString('base64');
      await spool.append([[{ topic, key: `k${at}`, value, timestamp: Date.now() }]]);
    }
    const publisher = forTest(openKafkaPublisher(kafka));
    const metrics = createIngestMetrics();
    const logger = createLogger({ name: 'test', level: 'silent' });
    const impatient = { publish: (records: readonly LogRecord[]) => publisher.publish(records, { ackTimeoutMs: 500 }) };
    const writer = createRecordWriter(
      { publisher: impatient, spool, metrics, logger, now: Date.now },
      { queueBytesMax: 1 << 20 },
    );
    await expect.poll(() => spool.isEmpty, { timeout: 100_000 }).toBe(true);
    const stored = await readTopic(inject('kafkaBrokers'), topic);
    expect(new Set(stored.map(({ value }) => value))).toEqual(new Set(['small']));
    await writer.close();
    expect(await metrics.registry.metrics()).toMatch(/^facet_collector_spool_refused_records_total 100$/m);
  },
);

it('drains the spool under permanent load', async () => {
  const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
  const topic = `t${randomUUID()}`;
  await (await kafka.admin()).createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  // Small, so that a busy broker acknowledges a chunk before a write stops waiting for it.
  const batch = (): LogRecord[] => [{ topic, key: randomUUID(), value: 'x'.repeat(10_000), timestamp: Date.now() }];
  const spool = forTest(await openSpool(await temporaryFolder(), { bytesMax: 256 << 20 }));
  for (let batches = 0; batches < 20; batches++) await spool.append([batch()]);
  const publisher = forTest(openKafkaPublisher(kafka));
  // Slower than appending to the spool.
  const slow = {
    publish: async (...args: Parameters<typeof publisher.publish>) => {
      await sleep(100);
      return publisher.publish(...args);
    },
  };
  const writer = forTest(
    createRecordWriter(
      {
        publisher: slow,
        spool,
        metrics: createIngestMetrics(),
        logger: createLogger({ name: 'test', level: 'silent' }),
        now: Date.now,
      },
      { queueBytesMax: 64 << 20 },
    ),
  );
  const lane = async (): Promise<void> => {
    while ((await writer.write(batch())).stored === 'spool');
  };
  await Promise.all(Array.from({ length: 4 }, lane));
}, 120_000);

it('forwards all records in order when Kafka is back', { tags: 'full', timeout: 120_000 }, async () => {
  const kafka = await startKafka();
  const spoolFolder = await temporaryFolder();
  const [node] = kafka.nodes;
  const ingest = await createTestIngest({
    spoolFolder,
    ingest: { access },
    brokers: kafka.brokers,
    ackTimeoutMs: 3_000,
  });
  try {
    const connection = connectKafka({ brokers: kafka.brokers, clientId: 'test' });
    await ensureTopics(connection, { names: ingest.topics, eventPartitions: 2 });
    await connection.close();
    const headers = { 'x-api-key': textOf('all') };
    const stored = new Map<string, string>();
    let sent = 0;
    const post = async (): Promise<string> => {
      const events = Array.from({ length: 20 }, () => eventOf(`e${sent++}`, { userId: `user${sent % 5}` }));
      const response = await ingest.app.inject({ method: 'POST', url: '/v1/events', headers, payload: events });
      expect(response.statusCode).toBe(202);
      const where = response.json<{ stored: string }>().stored;
      for (const { eventId } of events) stored.set(eventId, where);
      return where;
    };
    expect(await post()).toBe('log');
    await node!.kill();
    expect(await post()).toBe('spool');
    for (let request = 0; request < 10; request++) await post();
    await node!.start();
    // Records go to the spool until it is empty.
    let where = 'spool';
    for (let request = 0; where === 'spool' && request < 300; request++) {
      where = await post();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(where).toBe('log');

    const records = await readTopic(kafka.brokers, ingest.topics.events);
    const ids = records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId);
    expect(new Set(ids)).toEqual(new Set(stored.keys()));
    // Records in flight at the kill may be there twice, and those whose acknowledgment a busy machine delays.
    expect(ids.length).toBeLessThanOrEqual(2 * stored.size);
    for (let user = 0; user < 5; user++) {
      const numbers = records
        .filter(({ key }) => key === `user${user}`)
        .map(({ value }) => Number((JSON.parse(value!) as { eventId: string }).eventId.slice(1)));
      const firstSeen = [...new Set(numbers)];
      expect(firstSeen).toEqual(firstSeen.toSorted((a, b) => a - b));
    }
    expect(await readFile(join(spoolFolder, 'cursor'), 'utf8')).toMatch(/^\d{16} \d{16} [0-9a-f]{8}\n$/);
  } finally {
    await ingest.close();
    await kafka.stop();
  }
});
