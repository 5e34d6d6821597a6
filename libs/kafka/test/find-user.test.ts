import { damageBatch } from '@facet/local-services';
import { dayMs } from '@facet/platform';
import { forTest } from '@facet/testing';
import { expect, inject, it } from 'vitest';
import { deadLetter, findUserInTopic, openKafkaPublisher } from '../src/index.ts';
import { createTopic } from './kafka-fixture.ts';
import type { TestTopic } from './kafka-fixture.ts';

const brokers = inject('kafkaBrokers');
const at = Date.now() - dayMs;

async function createFilledTopic(
  records: readonly { readonly key: string; readonly value: string | null; readonly timestamp?: number }[],
  config: Readonly<Record<string, string>> = {},
): Promise<TestTopic> {
  const target = await createTopic(brokers, { config });
  const publisher = forTest(openKafkaPublisher(target.kafka));
  await publisher.publish(records.map((record) => ({ topic: target.topic, timestamp: at, ...record })));
  return target;
}

const letterOf = (payload: string | Buffer, { receivedAt = at, failedAt = at } = {}): string =>
  JSON.stringify(
    deadLetter(
      { topic: 't', partition: 0, offset: 1, timestamp: receivedAt, key: null, value: Buffer.from(payload) },
      { field: '', reason: 'not-json' },
      failedAt,
    ),
  );

const event = (userId: string, more: object = {}): string => JSON.stringify({ eventId: 'e', userId, ...more });

it('finds records by key, content and the payload of a dead letter, and ignores later and foreign records', async () => {
  const userId = 'ad"a';
  const { kafka, topic } = await createFilledTopic([
    { key: userId, value: null },
    { key: 'session', value: event(userId) },
    { key: 'dead 1', value: letterOf(event(userId)) },
    { key: 'dead 2', value: letterOf(Buffer.concat([Buffer.from([0xff]), Buffer.from(userId)])) },
    { key: 'bob', value: event('bob', { itemId: userId }) },
    { key: 'dead 3', value: letterOf(event('bob', { itemId: userId })) },
    { key: userId, value: event(userId), timestamp: at + 10 },
  ]);
  const progress: [number, number][] = [];
  const found = await findUserInTopic(kafka, topic, userId, {
    until: at,
    onProgress: (done, total) => progress.push([done, total]),
  });
  // The retention of the topic is unlimited.
  expect(found).toEqual({ topic, records: 4, undecodable: 0, newestAt: at, deletedBy: undefined });
  expect(progress.at(-1)).toEqual([7, 7]);
  expect(await findUserInTopic(kafka, topic, 'eve')).toBeUndefined();
});

it('finds a dead letter that was written after the erasure for a message received before, and no later message', async () => {
  const failedAt = at + 10;
  const { kafka, topic } = await createFilledTopic([
    { key: 'dead 1', value: letterOf(event('ada'), { failedAt }), timestamp: failedAt },
    { key: 'dead 2', value: letterOf(event('ada'), { receivedAt: at + 5, failedAt }), timestamp: failedAt },
  ]);
  expect(await findUserInTopic(kafka, topic, 'ada', { until: at })).toMatchObject({ records: 1, newestAt: failedAt });
});

it('counts batches that cannot be decoded', async () => {
  const { kafka, topic } = await createFilledTopic([{ key: 'ada', value: event('ada') }]);
  await damageBatch({ dataFolder: inject('kafkaDataFolder') }, { topic, partition: 0, firstOffset: 0 });
  expect(await findUserInTopic(kafka, topic, 'ada')).toMatchObject({ records: 0, undecodable: 1 });
});

it('names the time by which retention deletes the records', async () => {
  const { kafka, topic } = await createFilledTopic([{ key: 'ada', value: event('ada') }], {
    'retention.ms': String(30 * dayMs),
    'segment.ms': String(2 * dayMs),
  });
  expect(await findUserInTopic(kafka, topic, 'ada')).toMatchObject({ records: 1, deletedBy: at + 32 * dayMs });
});
