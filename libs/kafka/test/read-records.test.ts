import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { connectKafka, ensureTopics, fetchExtents, openKafkaPublisher, readRecords, topicNames } from '../src/index.ts';
import { createTopic, readAll, textOf } from './kafka-fixture.ts';
import type { TestTopic } from './kafka-fixture.ts';

const brokers = inject('kafkaBrokers');
const timestamp = Date.now();

/** Sends to a chosen partition with a chosen codec. */
async function produce(
  { kafka, topic }: TestTopic,
  values: readonly string[],
  options: { readonly partition?: number; readonly compression?: CompressionTypes } = {},
): Promise<void> {
  const producer = kafka.client.producer({ createPartitioner: () => () => options.partition ?? 0 });
  await producer.connect();
  const messages = values.map((value) => ({ key: value, value }));
  await producer.send({ topic, messages, compression: options.compression ?? CompressionTypes.None });
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
    expect(await fetchExtents(target.kafka, target.topic)).toEqual([
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
    await target.kafka.close();
  });

  it('ends when retention has deleted the rest of a range', async () => {
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
    await target.kafka.close();
  });

  it('waits for a slow reader in bounded memory, and deletes its group', async () => {
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
    await target.kafka.close();
  });

  it('reports an unknown topic', async () => {
    const kafka = connectKafka({ brokers, clientId: 'test' });
    await expect(readAll({ kafka, topic: 'nothing-here' })).rejects.toMatchObject({ code: 'EVENTS_TOPIC_UNKNOWN' });
    await kafka.close();
  });
});

describe('records in codecs that Node cannot read', () => {
  const clientCodec = CompressionCodecs[CompressionTypes.Snappy];
  afterEach(() => {
    CompressionCodecs[CompressionTypes.Snappy] = clientCodec;
  });

  /** Encodes valid Snappy without compression: the total length, then literals of up to 60 bytes. */
  function allowWritingSnappy(): void {
    const compress = (input: Buffer): Buffer => {
      const parts: Buffer[] = [];
      let length = input.length;
      for (; length >= 0x80; length >>>= 7) parts.push(Buffer.from([(length & 0x7f) | 0x80]));
      parts.push(Buffer.from([length]));
      for (let at = 0; at < input.length; at += 60) {
        const literal = input.subarray(at, at + 60);
        parts.push(Buffer.from([(literal.length - 1) << 2]), literal);
      }
      return Buffer.concat(parts);
    };
    CompressionCodecs[CompressionTypes.Snappy] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => compress(buffer),
    });
  }

  async function produceSnappy(target: TestTopic, values: readonly string[], partition = 0): Promise<void> {
    allowWritingSnappy();
    await produce(target, values, { partition, compression: CompressionTypes.Snappy });
    CompressionCodecs[CompressionTypes.Snappy] = clientCodec;
  }

  it('reports codec, topic and partition after all readable records', async () => {
    const target = await createTopic(brokers, { partitions: 3 });
    for (const partition of [0, 1, 2]) await produce(target, [`good ${partition}`], { partition });
    await produceSnappy(target, ['bad'], 1);
    const error = { code: 'EVENTS_CODEC_UNSUPPORTED', context: { topic: target.topic, partition: 1, codec: 'Snappy' } };
    await expect(readAll(target)).rejects.toMatchObject(error);
    await target.kafka.close();
  });

  it('are converted by brokers in topics that Facet creates', async () => {
    const kafka = connectKafka({ brokers, clientId: 'test' });
    const names = topicNames(`test-${timestamp}`);
    expect(await ensureTopics(kafka, { names, eventPartitions: 2 })).toEqual(Object.values(names));
    expect(await ensureTopics(kafka, { names })).toEqual([]);
    await produceSnappy({ kafka, topic: names.events }, ['converted']);
    expect((await readAll({ kafka, topic: names.events })).flat().map(textOf)).toEqual(['converted']);
    await kafka.close();
  });
});
