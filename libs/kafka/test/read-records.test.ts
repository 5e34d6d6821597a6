import { setTimeout as sleep } from 'node:timers/promises';
import { damageBatch } from '@facet/local-services';
import { CompressionTypes, ConfigResourceTypes } from 'kafkajs';
import { forTest } from '@facet/testing';
import { describe, expect, inject, it } from 'vitest';
import {
  connectKafka,
  ensureTopics,
  fetchExtents,
  openKafkaEventLog,
  openKafkaPublisher,
  readRecords,
  topicNames,
} from '../src/index.ts';
import { createTopic, readAll, textOf } from './kafka-fixture.ts';
import type { TestTopic } from './kafka-fixture.ts';

const brokers = inject('kafkaBrokers');
const timestamp = Date.now();

/** Sends to the first partition. */
async function produce({ kafka, topic }: TestTopic, values: readonly string[]): Promise<void> {
  const producer = kafka.client.producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  const messages = values.map((value) => ({ key: value, value }));
  await producer.send({ topic, messages });
  await producer.disconnect();
}

describe('reading records of a topic', () => {
  it('passes transaction markers, which take an offset and are no records', async () => {
    const target = await createTopic(brokers, { partitions: 2 });
    const producer = target.kafka.client.producer({
      transactionalId: target.topic,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    for (const [value, outcome] of [
      ['kept', 'commit'],
      ['dropped', 'abort'],
      ['kept too', 'commit'],
      ['dropped last', 'abort'],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: target.topic, messages: [{ partition: 1, value }] });
      await transaction[outcome]();
    }
    await producer.disconnect();
    // The broker writes markers after it has responded.
    await expect
      .poll(() => fetchExtents(target.kafka, target.topic), { timeout: 10_000 })
      .toEqual([
        { partition: 0, start: 0, end: 0 },
        { partition: 1, start: 0, end: 8 },
      ]);
    expect((await readAll(target)).flat().map(textOf)).toEqual(['kept', 'kept too']);
    const onlyMarkers = readRecords(target.kafka, { topic: target.topic, ranges: [{ partition: 1, from: 5, to: 8 }] });
    const nexts: number[] = [];
    for await (const { records, next } of onlyMarkers) {
      expect(records).toEqual([]);
      nexts.push(next);
    }
    expect(nexts.at(-1)).toBe(8);
  });

  it('ends when retention has deleted the rest of a range', { tags: 'full' }, async () => {
    const target = await createTopic(brokers);
    await produce(target, ['a', 'b', 'c']);
    const admin = await target.kafka.admin();
    await admin.fetchTopicOffsets(target.topic);
    await admin.deleteTopicRecords({ topic: target.topic, partitions: [{ partition: 0, offset: '3' }] });
    const batches = readRecords(target.kafka, { topic: target.topic, ranges: [{ partition: 0, from: 0, to: 3 }] });
    for await (const { records, next } of batches) expect([records, next]).toEqual([[], 3]);
    await produce(target, ['d']);
    const later = readRecords(target.kafka, { topic: target.topic, ranges: [{ partition: 0, from: 1, to: 4 }] });
    const read: string[] = [];
    for await (const { records } of later) read.push(...records.map(textOf));
    expect(read).toEqual(['d']);
  });

  it('waits for a slow reader in bounded memory, and deletes its group', { tags: 'full' }, async () => {
    const target = await createTopic(brokers, { partitions: 3 });
    const publisher = openKafkaPublisher(target.kafka);
    const value = 'x'.repeat(10_000);
    for (let sent = 0; sent < 5_000; sent += 500) {
      await publisher.publish(
        Array.from({ length: 500 }, (_, index) => ({ topic: target.topic, key: `k${sent + index}`, value, timestamp })),
      );
    }
    await publisher.close();
    const ranges = (await fetchExtents(target.kafka, target.topic)).map(({ partition, end }) => ({
      partition,
      from: 0,
      to: end,
    }));
    const next = new Map<number, number>();
    for await (const batch of readRecords(target.kafka, { topic: target.topic, ranges })) {
      if (next.size === 0) await sleep(2_000);
      expect(batch.records[0]?.offset).toBe(next.get(batch.partition) ?? 0);
      next.set(batch.partition, batch.next);
    }
    expect([...next.values()].reduce((sum, end) => sum + end)).toBe(5_000);
    const { groups } = await (await target.kafka.admin()).listGroups();
    expect(groups.filter(({ groupId }) => groupId.startsWith('test.read.'))).toEqual([]);
  });

  it('reports an unknown topic', async () => {
    const kafka = forTest(connectKafka({ brokers, clientId: 'test' }));
    await expect(readAll({ kafka, topic: 'nothing-here' })).rejects.toMatchObject({ code: 'EVENTS_TOPIC_UNKNOWN' });
  });
});

describe('records that brokers have compressed', () => {
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('are read from %s', async (codec) => {
    const target = await createTopic(brokers, { config: { 'compression.type': codec } });
    // More than a block of each codec.
    const values = Array.from({ length: 3_000 }, (_, index) => `${index} ${'a long value of a record '.repeat(4)}`);
    await produce(target, values);
    expect((await readAll(target)).flat().map(textOf)).toEqual(values);
  });

  it('replace a batch that cannot be decoded by one record, and continue after it', async () => {
    const target = await createTopic(brokers);
    const { kafka, topic } = target;
    const producer = kafka.client.producer({ createPartitioner: () => () => 0 });
    await producer.connect();
    const bomb = Buffer.alloc(65 << 20);
    await producer.send({
      topic,
      compression: CompressionTypes.GZIP,
      messages: [{ value: 'hidden' }, { value: bomb }],
    });
    for (const value of ['a', 'damaged', 'b', 'last and damaged']) {
      await producer.send({ topic, messages: [{ value }] });
    }
    await producer.disconnect();
    for (const firstOffset of [3, 5]) {
      await damageBatch({ dataFolder: inject('kafkaDataFolder') }, { topic, partition: 0, firstOffset });
    }
    const records = (await readAll(target)).flat();
    expect(records.map(({ offset, value }) => [offset, value === null ? null : String(value)])).toEqual([
      [1, null],
      [2, 'a'],
      [3, null],
      [4, 'b'],
      [5, null],
    ]);
    expect(records[0]!.undecodable).toMatchObject({ firstOffset: 0, lastOffset: 1 });
    expect(records[4]!.undecodable).toMatchObject({ firstOffset: 5, lastOffset: 5 });
    const log = openKafkaEventLog(kafka, { topic });
    const refused: number[] = [];
    // A range may end or start within the batch.
    for (const [from, to] of [
      [0, 2],
      [0, 1],
      [1, 2],
    ] as const) {
      for await (const batch of log.stream([{ partition: 0, from, to }])) {
        refused.push(...batch.refused.filter(({ reason }) => reason === 'undecodable').map(({ offset }) => offset));
      }
    }
    expect(refused).toEqual([1, 1, 1]);
  });

  it('are stored as gzip in topics that Facet creates', async () => {
    const kafka = forTest(connectKafka({ brokers, clientId: 'test' }));
    const names = topicNames(`test-${timestamp}`);
    expect(await ensureTopics(kafka, { names, eventPartitions: 2 })).toEqual(Object.values(names));
    expect(await ensureTopics(kafka, { names })).toEqual([]);
    const admin = await kafka.admin();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: names.events, configNames: ['compression.type'] }],
    });
    expect(resources[0]!.configEntries).toMatchObject([{ configValue: 'gzip' }]);
  });
});
