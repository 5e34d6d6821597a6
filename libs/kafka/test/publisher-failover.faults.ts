import { setTimeout as sleep } from 'node:timers/promises';
import { startKafka } from '@facet/local-services';
import { Partitioners } from 'kafkajs';
import type { Producer } from 'kafkajs';
import { forFile, forTest } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { openKafkaPublisher } from '../src/index.ts';
import type { KafkaConnection } from '../src/index.ts';
import { createTopic, readAll, textOf } from './kafka-fixture.ts';
import type { TestTopic } from './kafka-fixture.ts';
import { withFaults } from './faulty-network.ts';
import type { Faults } from './faulty-network.ts';

const threeCopies = { partitions: 6, replicationFactor: 3, config: { 'min.insync.replicas': '2' } };

const cluster = forFile(await startKafka({ brokers: 3 }));

/** A producer as in the documentation of kafkajs. */
async function plainProducer({ client }: KafkaConnection): Promise<Producer> {
  const producer = client.producer({
    idempotent: true,
    retry: { retries: Number.MAX_SAFE_INTEGER },
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return producer;
}

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

async function storedIn(target: TestTopic): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const record of (await readAll(target)).flat()) {
    counts.set(textOf(record), (counts.get(textOf(record)) ?? 0) + 1);
  }
  return counts;
}

describe('when a broker stores a batch but reports late replicas', () => {
  const first = numbered('first', 20);
  const second = numbered('second', 20);

  it('plain kafkajs acknowledges a concurrent send that is lost', async () => {
    const target = await createTopic(cluster.brokers, { ...threeCopies, partitions: 1 });
    const faults: Faults = {};
    const producer = await plainProducer(withFaults(target.kafka, cluster.brokers, faults));
    const send = (values: readonly string[]) =>
      producer.send({ topic: target.topic, messages: values.map((value) => ({ key: 'user', value })) });
    await send(['earlier']);
    faults.timedOutResponses = 1;
    await Promise.all([send(first), send(second)]);
    await producer.disconnect();
    const stored = await storedIn(target);
    expect([...first, ...second].filter((value) => !stored.has(value))).toHaveLength(20);
  });

  it('the publisher loses no record', async () => {
    const target = await createTopic(cluster.brokers, { ...threeCopies, partitions: 1 });
    const faults: Faults = {};
    const publisher = openKafkaPublisher(withFaults(target.kafka, cluster.brokers, faults));
    const publish = (values: readonly string[]) =>
      publisher.publish(values.map((value) => ({ topic: target.topic, key: 'user', value, timestamp: Date.now() })));
    await publish(['earlier']);
    faults.timedOutResponses = 1;
    const publishing = publish(first);
    // The first call is in flight by then.
    await sleep(2);
    await Promise.all([publishing, publish(second)]);
    await publish(numbered('third', 20));
    await publisher.close();
    const stored = await storedIn(target);
    expect([...stored.keys()]).toEqual(['earlier', ...first, ...second, ...numbered('third', 20)]);
  });
});

describe('when the partitions of a dead broker move to brokers that have already responded', () => {
  const values = numbered('event', 600);

  it('plain kafkajs acknowledges records that it never sent, and the publisher resends them', async () => {
    const faults: Faults = {};
    const plain = await createTopic(cluster.brokers, threeCopies);
    const safe = await createTopic(cluster.brokers, threeCopies);
    const producer = await plainProducer(withFaults(plain.kafka, cluster.brokers, faults));
    const publisher = openKafkaPublisher(withFaults(safe.kafka, cluster.brokers, faults), { ackTimeoutMs: 40_000 });
    const send = (sent: readonly string[]) =>
      producer.send({ topic: plain.topic, acks: -1, messages: sent.map((value) => ({ key: value, value })) });
    const publish = (sent: readonly string[]) =>
      publisher.publish(sent.map((value) => ({ topic: safe.topic, key: value, value, timestamp: Date.now() })));
    // Both producers know the leaders after this.
    const earlier = numbered('earlier', 100);
    await Promise.all([send(earlier), publish(earlier)]);
    const [victim] = cluster.nodes;
    faults.heldPort = victim?.port;
    const sending = Promise.all([send(values), publish(values)]);
    // The other two brokers have responded by then.
    await sleep(1_000);
    await victim?.kill();
    await sending;
    await victim?.start();
    await producer.disconnect();
    await publisher.close();

    const [sent, published] = await Promise.all([storedIn(plain), storedIn(safe)]);
    const lost = (stored: ReadonlyMap<string, number>) =>
      [...earlier, ...values].filter((value) => !stored.has(value)).length;
    expect(lost(sent)).toBeGreaterThan(0);
    expect(lost(published)).toBe(0);
  });
});

describe('under load, while brokers are killed', () => {
  it('loses no acknowledged record, and stores only sent records', async () => {
    const target = await createTopic(cluster.brokers, threeCopies);
    const publisher = openKafkaPublisher(target.kafka, { ackTimeoutMs: 40_000 });
    const acknowledged = new Set<string>();
    const sent = new Set<string>();
    const isDone = { kills: false };
    const load = async (name: string): Promise<void> => {
      for (let call = 0; !isDone.kills || sent.size < 100_000; call++) {
        const values = numbered(`${name}-${call}`, 1 + ((call * 7919) % 400));
        for (const value of values) sent.add(value);
        try {
          await publisher.publish(
            values.map((value, index) => ({
              topic: target.topic,
              key: `user-${(call + index) % 1000}`,
              value,
              timestamp: Date.now(),
            })),
          );
          for (const value of values) acknowledged.add(value);
        } catch (error) {
          expect(error).toMatchObject({ retryable: true });
        }
        if (sent.size > 100_000) await sleep(20);
      }
    };
    const kill = async (): Promise<void> => {
      for (const node of cluster.nodes.slice(1)) {
        await sleep(500);
        await node.kill();
        await sleep(3_000);
        await node.start();
      }
      isDone.kills = true;
    };
    await Promise.all([...['a', 'b', 'c', 'd', 'e'].map(load), kill()]);
    await publisher.close();
    const stored = await storedIn(target);
    expect([...acknowledged].filter((value) => !stored.has(value))).toEqual([]);
    expect([...stored.keys()].filter((value) => !sent.has(value))).toEqual([]);
    expect(acknowledged.size).toBeGreaterThanOrEqual(100_000);
  });
});

describe('without any broker', () => {
  it('rejects in time, and works again when a broker is back', async () => {
    const alone = forTest(await startKafka());
    const target = await createTopic(alone.brokers);
    const publisher = forTest(openKafkaPublisher(target.kafka, { ackTimeoutMs: 500 }));
    const publish = (value: string) =>
      publisher.publish([{ topic: target.topic, key: 'user', value, timestamp: Date.now() }]);
    await publish('before');
    await alone.nodes[0]?.kill();
    await expect(publish('without a broker')).rejects.toMatchObject({
      code: 'EVENTS_LOG_UNREACHABLE',
      retryable: true,
    });
    await alone.nodes[0]?.start();
    const isAcknowledged = async () =>
      publish('after').then(
        () => true,
        () => false,
      );
    await expect.poll(isAcknowledged, { timeout: 30_000 }).toBe(true);
    expect(publisher.pendingBytes).toBe(0);
    const stored = await storedIn(target);
    expect([stored.has('before'), stored.has('after')]).toEqual([true, true]);
  });
});
