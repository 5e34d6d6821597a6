import { createLogger } from '@facet/platform';
import { expect, it } from 'vitest';
import { createGroupConsumer } from '../../src/sink/group-consumer.ts';
import { createBench } from './fixtures.ts';

it('reads the progress of other topics after a topic did not exist', async () => {
  const { kafka, prefix, topics, publishEvents } = await createBench();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const options = { groupId: prefix, topics: [topics.events], installationId: prefix, sessionMs: 10_000 };
  const consumer = createGroupConsumer(kafka, { logger }, options);
  const unknown = { code: 'EVENTS_TOPIC_UNKNOWN', retryable: true };
  await expect(consumer.readGroup([topics.events, `${prefix}-none`])).rejects.toMatchObject(unknown);
  await expect(consumer.readExtents([`${prefix}-none`])).rejects.toMatchObject(unknown);

  await publishEvents('one', 3);
  const partitions = await consumer.readGroup([topics.events, topics.items]);
  expect(partitions.map(({ topic, partition }) => `${topic} ${partition}`)).toEqual([
    ...[0, 1, 2, 3].map((partition) => `${topics.events} ${partition}`),
    `${topics.items} 0`,
  ]);
  expect(partitions.reduce((sum, { end }) => sum + end, 0)).toBe(3);
  expect(partitions.every(({ start, stored }) => start === 0 && stored === 0)).toBe(true);
});
