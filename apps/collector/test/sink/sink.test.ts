import { join } from 'node:path';
import {
  compactLake,
  lakeStatus,
  readItems,
  readItemsVersion,
  readUsers,
  verifyErasure,
  verifyLake,
} from '@facet/lake';
import { serializeErasure, serializeIntake } from '@facet/schemas';
import { connectKafka, fetchExtents } from '@facet/kafka';
import { damageBatch } from '@facet/local-services';
import { CompressionTypes } from 'kafkajs';
import { forTest, seededBytes } from '@facet/testing';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { readTopic } from '../ingest/read-topic.ts';
import { createBench, eventRecord, eventRecords, isCaughtUp, readStatus, until } from './fixtures.ts';

const now = Date.now();
/** Identifies a topic in a request that changes settings. */
const topicResource = 2;

it('writes events to the lake once, and immediately to the profiles', async () => {
  const { publisher, topics, store, startSink, lakeIds, home } = await createBench();
  const records = eventRecords(topics.events, 'e', 500);
  await publisher.publish(records);
  const sink = await startSink({ FACET_SINK_COMMIT_SECONDS: '60' }, { commitRowsMax: 400 });
  await until(async () => (await store.read('u0'))?.events.length === 6);

  await publisher.publish([eventRecord(topics.events, 'last', { userId: 'ada', itemId: 'book' })]);
  await until(async () => (await store.read('ada')) !== undefined, 5);
  expect(await store.read('ada')).toMatchObject({ events: [{ eventId: 'last', itemId: 'book' }] });
  expect(await readStatus(sink)).toMatchObject({ group: { isMember: true }, outages: [] });

  await sink.close();
  expect(await lakeIds()).toEqual([...records.map((_, n) => `e-${n}`), 'last'].sort());
  const { rows, offsets } = await lakeStatus(join(home, 'lake'));
  expect(rows).toBe(501);
  expect(Object.values(offsets).reduce((sum, offset) => sum + offset, 0)).toBe(501);
});

it('keeps items and users in the catalog, and deletes those with a null value', async () => {
  const { publisher, topics, store, startSink, home } = await createBench();
  const item = (itemId: string, more = {}) => ({
    topic: topics.items,
    key: itemId,
    value: JSON.stringify({ itemId, ...more }),
    timestamp: now,
  });
  const user = (userId: string, age: number) => ({
    topic: topics.users,
    key: userId,
    value: JSON.stringify({ userId, attributes: { age } }),
    timestamp: now,
  });
  const sink = await startSink();
  await publisher.publish([item('a', { title: 'Old' }), item('b'), user('ada', 36), user('bob', 41)]);
  await publisher.publish([
    item('a', { title: 'New' }),
    { ...item('b'), value: null },
    { ...user('bob', 0), value: null },
  ]);
  await until(() => isCaughtUp(sink, 7));
  const catalog = join(home, 'catalog');
  expect(await readItems(catalog)).toEqual([{ itemId: 'a', title: 'New', attributes: {} }]);
  expect(await readUsers(catalog)).toEqual([{ userId: 'ada', attributes: { age: 36 } }]);
  expect((await store.read('ada'))?.attributes).toEqual({ age: 36 });
  expect(await store.read('bob')).toBeUndefined();

  await sink.close();
  const before = await readItemsVersion(catalog);
  const next = await startSink();
  await until(() => isCaughtUp(next, 7));
  expect(await readItemsVersion(catalog)).toEqual(before);
});

it('publishes invalid messages as dead letters with the reason, and continues', async () => {
  const { publisher, topics, startSink, lakeIds, home } = await createBench();
  const brokers = inject('kafkaBrokers');
  const poison = (value: string | null, key = 'k') => ({ topic: topics.events, key, value, timestamp: now });
  await publisher.publish([
    eventRecord(topics.events, 'before', { userId: 'k' }),
    poison('not JSON'),
    poison(''),
    poison(null),
    poison('[]'),
    poison(`{"eventId":"${'x'.repeat(900_000)}"}`),
    eventRecord(topics.events, 'unknown', { userId: 'k', type: 'teleport' }),
    eventRecord(topics.events, 'seconds', { userId: 'k', occurredAt: 1_700_000_000 }),
    eventRecord(topics.events, 'after', { userId: 'k' }),
    { topic: topics.items, key: 'a', value: '{"itemId":"b"}', timestamp: now },
    { topic: topics.erasures, key: 'a', value: '{}', timestamp: now },
    { topic: topics.intake, key: 'a', value: '7', timestamp: now },
  ]);
  const sink = await startSink();
  await until(() => isCaughtUp(sink, 12));
  expect(await lakeIds()).toEqual(['after', 'before']);

  const deadLetters = (await readTopic(brokers, topics.deadLetters)).map(
    ({ value }) => JSON.parse(value ?? '') as Record<string, unknown>,
  );
  const reasons = deadLetters
    .filter(({ topic }) => topic === topics.events)
    .map(({ field, reason }) => `${String(field)}:${String(reason)}`);
  expect(reasons).toEqual([
    ':not-json',
    ':not-json',
    ':missing',
    ':not-an-object',
    'eventId:too-long',
    'type:unknown-type',
    'occurredAt:time-in-seconds',
  ]);
  expect(deadLetters).toHaveLength(10);
  expect(deadLetters.find(({ payload }) => payload === 'not JSON')).toMatchObject({
    topic: topics.events,
    offset: 1,
    key: 'k',
    payload: 'not JSON',
    timestamp: now,
  });
  expect(deadLetters.find(({ bytes }) => bytes !== undefined)).toMatchObject({
    encoding: 'base64',
    reason: 'too-long',
  });

  const { intake } = await lakeStatus(join(home, 'lake'));
  expect(intake.filter(({ producer }) => producer === `topic:${topics.events}`)).toHaveLength(6);
  const metrics = await (await fetch(`${sink.url}/metrics`)).text();
  expect(metrics).toContain(`facet_sink_dead_letters_total{topic="${topics.events}",reason="not-json"} 2`);
  // Prometheus does not see the first increase of a counter that starts with it.
  expect(metrics).toContain(`facet_sink_dead_letters_total{topic="${topics.items}",reason="not-json"} 0`);
});

it('publishes a batch that cannot be decoded as one dead letter, and continues after it', async () => {
  const { kafka, topics, startSink, lakeIds, home } = await createBench();
  const producer = kafka.client.producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  onTestFinished(() => producer.disconnect());
  const { events: topic } = topics;
  const send = (...values: (string | Buffer)[]) =>
    producer.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: values.map((value) => ({ key: 'k', value })),
    });
  const valueOf = (id: string) => eventRecord(topic, id).value!;
  await send(valueOf('before'));
  await send(valueOf('hidden'), Buffer.alloc(65 << 20));
  await send(valueOf('between'));
  await send(valueOf('damaged-1'), valueOf('damaged-2'), valueOf('damaged-3'));
  await send(valueOf('after'));
  await damageBatch({ dataFolder: inject('kafkaDataFolder') }, { topic, partition: 0, firstOffset: 4 });

  const sink = await startSink();
  await until(() => isCaughtUp(sink, 8));
  expect(await lakeIds()).toEqual(['after', 'before', 'between']);
  const deadLetters = (await readTopic(inject('kafkaBrokers'), topics.deadLetters)).map(
    ({ value }) => JSON.parse(value ?? '') as Record<string, unknown>,
  );
  const batch = { topic, partition: 0, reason: 'undecodable', field: '', key: null, payload: null };
  expect(deadLetters).toMatchObject([
    { ...batch, offset: 1, lastOffset: 2, problem: expect.stringContaining('67108864 bytes') as string },
    { ...batch, offset: 4, lastOffset: 6, problem: expect.stringContaining('checksum') as string },
  ]);
  const metrics = await (await fetch(`${sink.url}/metrics`)).text();
  expect(metrics).toContain(`facet_sink_dead_letters_total{topic="${topic}",reason="undecodable"} 2`);
  expect(metrics).toContain(`facet_sink_dead_letters_total{topic="${topics.items}",reason="undecodable"} 0`);
  expect(metrics).toContain(`facet_sink_lost_messages_total{topic="${topic}"} 0`);
  const { sources, files } = await verifyLake(join(home, 'lake'));
  expect(files).toEqual([]);
  expect(sources.find(({ source }) => source === `${topic}-0`)).toMatchObject({ repeated: 0, beyond: 0 });

  // Another sink continues after the batches.
  await sink.close();
  const next = await startSink();
  await send(valueOf('last'));
  await until(() => isCaughtUp(next, 9));
  expect(await lakeIds()).toEqual(['after', 'before', 'between', 'last']);
});

it('stops only the partition of a batch whose end is unknown', { tags: 'full' }, async () => {
  const { kafka, topics, startSink, lakeIds } = await createBench();
  const producer = kafka.client.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
  await producer.connect();
  onTestFinished(() => producer.disconnect());
  const send = (topic: string, id: string) =>
    producer.send({ topic, messages: [{ key: id, value: eventRecord(topic, id).value! }] });
  await send(topics.items, 'item');
  await send(topics.events, 'before');
  await send(topics.events, 'misplaced');
  const dataFolder = inject('kafkaDataFolder');
  // The number of messages contradicts the last offset, as after compaction. The first offset is far beyond the end.
  await damageBatch({ dataFolder }, { topic: topics.items, partition: 0, firstOffset: 0 }, 60);
  await damageBatch({ dataFolder }, { topic: topics.events, partition: 0, firstOffset: 1 }, 4);
  await producer.send({
    topic: topics.events,
    messages: [{ partition: 1, key: 'k', value: eventRecord(topics.events, 'other').value! }],
  });

  await startSink();
  await until(async () => (await lakeIds()).length === 2);
  expect(await lakeIds()).toEqual(['before', 'other']);
  expect(await readTopic(inject('kafkaBrokers'), topics.deadLetters)).toEqual([]);
});

it(
  'shortens messages that exceed a dead letter, and counts arbitrary fields and times under one name',
  { tags: 'full' },
  async () => {
    const { topics, startSink, home } = await createBench();
    const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
    const admin = await kafka.admin();
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: topicResource,
          name: topics.events,
          configEntries: [{ name: 'message.timestamp.after.max.ms', value: '9223372036854775807' }],
        },
      ],
    });
    const producer = kafka.client.producer();
    onTestFinished(() => producer.disconnect());
    await producer.connect();
    const deep = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) as unknown;
    const withField = (field: string) => eventRecord(topics.events, 'deep', { [field]: deep }).value;
    const messages = [
      { key: seededBytes(700_000), value: '{}' },
      { key: 'k', value: withField('"'.repeat(200_000)) },
      { key: 'k', value: withField('made-up-1') },
      { key: 'k', value: withField('made-up-2') },
      { key: 'k', value: '{}', timestamp: '9223372036854775807' },
      { key: 'k', value: eventRecord(topics.events, 'from-afar').value, timestamp: '9007199254740991' },
    ];
    for (const message of messages) {
      const record = { topic: topics.events, messages: [{ ...message, partition: 0 }] };
      // The broker applies the new setting some time after it has accepted it. Until then, it refuses late times.
      await vi.waitFor(() => producer.send(record), { timeout: 30_000 });
    }
    const sink = await startSink();
    await until(() => isCaughtUp(sink, messages.length));
    const { intake } = await lakeStatus(join(home, 'lake'));
    const today = new Date().toISOString().slice(0, 10);
    expect(intake.map(({ day, field, reason, count }) => [day, field, reason, count])).toEqual([
      [today, 'eventId', 'missing', 1],
      [today, 'other', 'too-deep', 3],
      [today, '', 'time-out-of-range', 2],
    ]);
  },
);

it('passes transaction markers and aborted transactions', { tags: 'full' }, async () => {
  const { topics, prefix, startSink, lakeIds } = await createBench();
  const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
  const producer = kafka.client.producer({ transactionalId: prefix, maxInFlightRequests: 1, idempotent: true });
  onTestFinished(() => producer.disconnect());
  await producer.connect();
  const send = async (ids: readonly string[], end: 'commit' | 'abort'): Promise<void> => {
    const transaction = await producer.transaction();
    const messages = ids.map((id) => ({ value: eventRecord(topics.events, id).value, partition: 0 }));
    await transaction.send({ topic: topics.events, messages });
    await transaction[end]();
  };
  await send(['a', 'b'], 'commit');
  const sink = await startSink();
  await until(() => isCaughtUp(sink, 3));
  await send(['c', 'd'], 'abort');
  await until(() => isCaughtUp(sink, 6));
  await send(['e'], 'commit');
  await until(() => isCaughtUp(sink, 8));
  expect(await lakeIds()).toEqual(['a', 'b', 'e']);
});

it('counts messages that the log deleted before processing, and continues after them', { tags: 'full' }, async () => {
  const { publisher, topics, startSink, lakeIds } = await createBench();
  const kafka = forTest(connectKafka({ brokers: inject('kafkaBrokers'), clientId: 'test' }));
  const ofOneUser = (id: string) => eventRecord(topics.events, id, { userId: 'ada' });
  await publisher.publish(['a', 'b'].map(ofOneUser));
  const first = await startSink();
  await until(() => isCaughtUp(first, 2));
  await first.close();

  await publisher.publish(['c', 'd', 'e'].map(ofOneUser));
  const { partition } = (await fetchExtents(kafka, topics.events)).find(({ end }) => end === 5)!;
  const admin = await kafka.admin();
  await admin.deleteTopicRecords({ topic: topics.events, partitions: [{ partition, offset: '4' }] });
  const second = await startSink();
  await until(() => isCaughtUp(second, 5));
  expect(await lakeIds()).toEqual(['a', 'b', 'e']);
  expect(await (await fetch(`${second.url}/metrics`)).text()).toContain(
    `facet_sink_lost_messages_total{topic="${topics.events}"} 2`,
  );
});

it('erases a user from profile and catalog immediately, and from the lake at the next compaction', async () => {
  const { publisher, topics, store, startSink, lakeIds, home } = await createBench();
  const sink = await startSink();
  const lake = join(home, 'lake');
  const user = { topic: topics.users, key: 'ada', timestamp: now - 2_000 };
  await publisher.publish([
    eventRecord(topics.events, 'own', { userId: 'ada' }, now - 2_000),
    eventRecord(topics.events, 'anonymous', { userId: undefined, sessionId: 's1' }, now - 2_000),
    eventRecord(
      topics.events,
      'login',
      { type: 'identify', userId: 'ada', sessionId: 's1', itemId: undefined },
      now - 1_500,
    ),
    eventRecord(topics.events, 'other', { userId: 'bob' }, now - 2_000),
    { ...user, value: JSON.stringify({ userId: 'ada', attributes: { age: 36 } }) },
  ]);
  await until(async () => (await store.read('ada'))?.events.length === 2);

  const erasure = { erasureId: 'x1', userId: 'ada', requestedAt: now, requestedBy: 'test' };
  await publisher.publish([
    { topic: topics.erasures, key: 'ada', value: serializeErasure(erasure), timestamp: now },
    { ...user, value: null, timestamp: now },
    eventRecord(topics.events, 'since', { userId: 'ada' }, now + 1),
  ]);
  await until(() => isCaughtUp(sink, 8));
  // Older than the erasure, but received after it.
  await publisher.publish([{ ...user, value: JSON.stringify({ userId: 'ada', attributes: { age: 37 } }) }]);
  await until(() => isCaughtUp(sink, 9));
  expect(await store.read('ada')).toMatchObject({ events: [{ eventId: 'since' }], attributes: {} });
  expect(await readUsers(join(home, 'catalog'))).toEqual([]);
  expect(await lakeIds()).toEqual(['other', 'since']);
  expect((await verifyErasure(lake, 'ada')).rows).toBeGreaterThan(0);
  await compactLake(lake, { graceMs: 0 });
  expect(await verifyErasure(lake, 'ada')).toMatchObject({
    rows: 0,
    erasures: [{ erasureId: 'x1', isPending: false }],
  });
});

it(
  'erases a user after Redis has lost its marks, and events that a later identify gives to the user',
  { tags: 'full' },
  async () => {
    const { publisher, topics, store, startSink, lakeIds, home } = await createBench();
    const sink = await startSink();
    const lake = join(home, 'lake');
    const anonymous = { userId: undefined, sessionId: 's1' };
    const login = { type: 'identify', userId: 'ada', sessionId: 's1', itemId: undefined };
    const erasure = { erasureId: 'x1', userId: 'ada', requestedAt: now, requestedBy: 'test' };
    await publisher.publish([
      eventRecord(topics.events, 'own', { userId: 'ada' }, now - 2_000),
      eventRecord(topics.events, 'anonymous', anonymous, now - 2_000),
      { topic: topics.erasures, key: 'ada', value: serializeErasure(erasure), timestamp: now },
    ]);
    await until(() => isCaughtUp(sink, 3));
    await compactLake(lake, { graceMs: 0 });
    expect(await lakeIds()).toEqual(['anonymous']);

    await store.clear();
    await until(async () => (await store.readFill())?.hasEnded === true);
    // A redriven dead letter is as old as its message.
    await publisher.publish([eventRecord(topics.events, 'redriven', { userId: 'ada' }, now - 1_000)]);
    await until(() => isCaughtUp(sink, 4));
    expect(await store.read('ada')).toBeUndefined();

    await store.clear();
    await until(async () => (await store.readFill())?.hasEnded === true);
    await publisher.publish([
      eventRecord(topics.events, 'login', login, now + 1),
      eventRecord(topics.events, 'since', { userId: 'ada' }, now + 2),
    ]);
    await until(() => isCaughtUp(sink, 6));
    expect(await store.read('ada')).toMatchObject({ events: [{ eventId: 'since' }] });
    expect(await lakeIds()).toEqual(['since']);
    await compactLake(lake, { graceMs: 0 });
    expect(await verifyErasure(lake, 'ada')).toMatchObject({ rows: 0, erasures: [{ isPending: false }] });
    expect(await lakeIds()).toEqual(['since']);
  },
);

it('stores the counts of the ingest with the lake, each record once', async () => {
  const { publisher, topics, startSink, home } = await createBench();
  const count = { day: '2026-01-31', producer: 'web', outcome: 'accepted', field: '', reason: '', count: 7 } as const;
  const record = { topic: topics.intake, key: 'ingest', value: serializeIntake([count]), timestamp: now };
  await publisher.publish([record]);
  const first = await startSink();
  await until(() => isCaughtUp(first, 1));
  await first.close();
  const second = await startSink();
  await publisher.publish([record]);
  await until(() => isCaughtUp(second, 2));
  expect((await lakeStatus(join(home, 'lake'))).intake).toEqual([{ ...count, count: 14 }]);
});
