import { topicNames } from '@facet/kafka';
import { expect, inject, it } from 'vitest';
import { eventIds, missing, pause, prepare, start, startPosting } from './ingest-process.ts';
import { readTopic } from './read-topic.ts';

it('finishes current requests on SIGTERM', async () => {
  const settings = await prepare(inject('kafkaBrokers'));
  const ingest = await start(settings);
  const posting = startPosting(settings, 'stop');
  await pause(500);
  const begunAt = Date.now();
  expect(await ingest.stop()).toBe(0);
  expect(Date.now() - begunAt).toBeLessThan(10_000);
  await posting.stop();
  expect(posting.acknowledged.size).toBeGreaterThan(0);
  expect(missing(posting.acknowledged, await eventIds(settings))).toEqual([]);
  const [counts] = await readTopic(settings.brokers, topicNames(settings.prefix).intake);
  expect(JSON.parse(counts!.value!)).toContainEqual(
    expect.objectContaining({ producer: 'all', outcome: 'accepted', field: '', reason: '' }),
  );
});
