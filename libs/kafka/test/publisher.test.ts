import { forTest, seededBytes } from '@facet/testing';
import { describe, expect, inject, it } from 'vitest';
import { createTopics } from '../src/topics.ts';
import { connectKafka, openKafkaPublisher } from '../src/index.ts';
import { createTopic, readAll, textOf } from './kafka-fixture.ts';

const brokers = inject('kafkaBrokers');
const timestamp = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** Epoch milliseconds. */
function minutesAhead(minutes: number): number {
  return Date.now() + minutes * 60_000;
}

describe('the Kafka publisher', () => {
  it("chooses the partition of a key as Kafka's Java client does, and keeps value and time", async () => {
    const target = await createTopic(brokers, { partitions: 6 });
    const publisher = forTest(openKafkaPublisher(target.kafka));
    // From the tests of org.apache.kafka.common.utils.Utils.murmur2.
    const hashes = {
      '21': -973932308,
      foobar: -790332482,
      'a-little-bit-long-string': -985981536,
      'a-little-bit-longer-string': -1486304829,
      lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
      abc: 479470107,
    };
    const keys = Object.keys(hashes);
    await publisher.publish(keys.map((key) => ({ topic: target.topic, key, value: `é ${key}`, timestamp })));
    await publisher.publish([{ topic: target.topic, key: 'abc', value: null, timestamp }]);
    const partitions = await readAll(target);
    for (const [key, hash] of Object.entries(hashes)) {
      const records = partitions[(hash & 0x7fffffff) % 6]?.filter((record) => String(record.key) === key);
      expect(records?.map(({ value }) => value && String(value))).toEqual(
        key === 'abc' ? ['é abc', null] : [`é ${key}`],
      );
      expect(records?.[0]?.timestampMs).toBe(timestamp);
    }
    expect(publisher.pendingBytes).toBe(0);
  });

  it('keeps the order of calls of any size', async () => {
    const target = await createTopic(brokers, { partitions: 3 });
    const publisher = forTest(openKafkaPublisher(target.kafka));
    let sent = 0;
    const sizes = Array.from({ length: 60 }, (_, call) => 1 + ((call * 7919) % 500));
    const publishes = sizes.map((size) =>
      publisher.publish(
        Array.from({ length: size }, () => ({
          topic: target.topic,
          key: `user-${sent % 5}`,
          value: `${sent++} ${'x'.repeat(200)}`,
          timestamp,
        })),
      ),
    );
    await Promise.all(publishes);
    const partitions = await readAll(target);
    expect(partitions.flat()).toHaveLength(sent);
    for (const records of partitions) {
      const numbers = records.map((record) => Number.parseInt(textOf(record), 10));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });

  it('refuses exactly the records above its own or the topic’s size limit', async () => {
    const target = await createTopic(brokers, { partitions: 2, config: { 'max.message.bytes': '30000' } });
    const publisher = forTest(openKafkaPublisher(target.kafka, { recordBytesMax: 100_000 }));
    const values = Array.from({ length: 40 }, (_, index) => `small-${index}`);
    // Random bytes do not compress: a gzipped batch with one of these is larger than the topic takes.
    values[7] = seededBytes(30_000).toString('hex');
    values[21] = 'x'.repeat(200_000);
    const publish = publisher.publish(
      values.map((value, index) => ({ topic: target.topic, key: `k${index}`, value, timestamp })),
    );
    await expect(publish).rejects.toMatchObject({
      code: 'EVENTS_RECORD_TOO_LARGE',
      retryable: false,
      context: { indexes: [21, 7] },
    });
    const stored = (await readAll(target)).flat().map(textOf);
    expect(new Set(stored)).toEqual(new Set(values.filter((value) => value.startsWith('small'))));
    expect(publisher.pendingBytes).toBe(0);
  });

  it('keeps the order of a key whose records are near the limit of a broker’s clock', async () => {
    const target = await createTopic(brokers);
    const publisher = forTest(openKafkaPublisher(target.kafka));
    // Brokers refuse records more than an hour ahead of their clock.
    const send = publisher.publish([
      { topic: target.topic, key: 'item', value: 'old', timestamp: minutesAhead(50) },
      { topic: target.topic, key: 'other', value: 'refused', timestamp: minutesAhead(70) },
      { topic: target.topic, key: 'item', value: 'new', timestamp: minutesAhead(40) },
    ]);
    await expect(send).rejects.toMatchObject({ code: 'EVENTS_RECORD_REFUSED', context: { indexes: [1] } });
    const values = (await readAll(target)).flat().map(textOf);
    expect(values.indexOf('old')).toBeGreaterThan(-1);
    expect(values.at(-1)).toBe('new');
  });

  it('refuses no record between the times that a broker refuses', async () => {
    const target = await createTopic(brokers, { config: { 'message.timestamp.before.max.ms': '600000' } });
    const publisher = forTest(openKafkaPublisher(target.kafka));
    const minutes = [-20, 0, 10, 70];
    const send = publisher.publish(
      minutes.map((at) => ({ topic: target.topic, key: `k${at}`, value: `${at}`, timestamp: minutesAhead(at) })),
    );
    await expect(send).rejects.toMatchObject({ code: 'EVENTS_RECORD_REFUSED', context: { indexes: [0, 3] } });
    expect(new Set((await readAll(target)).flat().map(textOf))).toEqual(new Set(['0', '10']));
  });

  it('refuses no record because brokers refuse others of two partitions for two reasons', async () => {
    const target = await createTopic(brokers, { partitions: 2, config: { 'max.message.bytes': '30000' } });
    const publisher = forTest(openKafkaPublisher(target.kafka));
    const large = seededBytes(30_000).toString('hex');
    // Of two partitions, Kafka places 21 in partition 0, and abc in partition 1.
    const records = [
      { key: 'abc', value: large, timestamp: minutesAhead(30) },
      { key: 'abc', value: 'good 1', timestamp: minutesAhead(31) },
      { key: '21', value: 'good 0', timestamp: minutesAhead(32) },
      { key: '21', value: 'ahead', timestamp: minutesAhead(70) },
    ];
    const send = publisher.publish(records.map((record) => ({ topic: target.topic, ...record })));
    await expect(send).rejects.toMatchObject({ code: 'EVENTS_RECORD_REFUSED' });
    const partitions = (await readAll(target)).map((of) => [...new Set(of.map(textOf))]);
    expect(partitions).toEqual([['good 0'], ['good 1']]);
  });

  it('limits the bytes of pending calls', async () => {
    const target = await createTopic(brokers);
    const publisher = forTest(openKafkaPublisher(target.kafka, { pendingBytesMax: 10_000 }));
    const record = { topic: target.topic, key: 'k', value: 'x'.repeat(4_000), timestamp };
    const taken = [publisher.publish([record]), publisher.publish([record])];
    await expect(publisher.publish([record])).rejects.toMatchObject({ code: 'EVENTS_LOG_BUSY', retryable: true });
    await Promise.all(taken);
    await publisher.publish([record]);
    await publisher.publish(Array.from({ length: 10 }, () => record));
    expect((await readAll(target)).flat()).toHaveLength(13);
  });

  it('reports a missing topic, serves the other topics, and finds the topic after its creation', async () => {
    const target = await createTopic(brokers);
    const publisher = forTest(openKafkaPublisher(target.kafka));
    const missing = `${target.topic}-later`;
    const publishes = await Promise.allSettled([
      publisher.publish([{ topic: target.topic, key: 'a', value: 'one', timestamp }]),
      publisher.publish([{ topic: missing, key: 'a', value: 'two', timestamp }]),
      publisher.publish([{ topic: target.topic, key: 'a', value: 'three', timestamp }]),
    ]);
    expect(publishes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'EVENTS_TOPIC_UNKNOWN', retryable: true, context: { topic: missing } } },
      { status: 'fulfilled' },
    ]);
    const admin = await target.kafka.admin();
    await createTopics(admin, [{ topic: missing, numPartitions: 1, replicationFactor: 1 }]);
    await publisher.publish([{ topic: missing, key: 'a', value: 'two', timestamp }]);
    expect((await readAll(target)).flat().map(textOf)).toEqual(['one', 'three']);
  });

  it('finishes pending calls before it closes, and rejects later ones', async () => {
    const target = await createTopic(brokers);
    const publisher = openKafkaPublisher(target.kafka);
    const record = { topic: target.topic, key: 'k', value: 'v', timestamp };
    const publishes = Promise.all(Array.from({ length: 50 }, () => publisher.publish([record])));
    await publisher.close();
    await publishes;
    await expect(publisher.publish([record])).rejects.toMatchObject({ code: 'EVENTS_LOG_UNREACHABLE' });
    expect((await readAll(target)).flat()).toHaveLength(50);
  });

  it('rejects in time when no broker responds', async () => {
    const target = await createTopic(brokers);
    const nowhere = forTest(connectKafka({ brokers: ['127.0.0.1:9'], clientId: 't' }));
    const publisher = openKafkaPublisher(nowhere, { ackTimeoutMs: 300, closeTimeoutMs: 100 });
    const record = { topic: target.topic, key: 'k', value: 'v', timestamp };
    await expect(publisher.publish([record])).rejects.toMatchObject({
      code: 'EVENTS_LOG_UNREACHABLE',
      retryable: true,
    });
    expect(publisher.pendingBytes).toBe(0);
    const pending = publisher.publish([record]);
    const closed = publisher.close();
    await expect(pending).rejects.toMatchObject({ code: 'EVENTS_LOG_UNREACHABLE' });
    await closed;
  });
});
