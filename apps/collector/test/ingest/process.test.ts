import { setTimeout as sleep } from 'node:timers/promises';
import { topicNames } from '@facet/kafka';
import { expect, inject, it } from 'vitest';
import { readEventIds, missingIds, prepareIngest, startIngest, startPosting } from './ingest-process.ts';
import { readTopic } from './read-topic.ts';

it('finishes current requests on SIGTERM', async () => {
  const settings = await prepareIngest(inject('kafkaBrokers'));
  const ingest = await startIngest(settings);
  const posting = startPosting(settings, 'stop');
  await sleep(500);
  const begunAt = Date.now();
  expect(await ingest.stop()).toBe(0);
  expect(Date.now() - begunAt).toBeLessThan(10_000);
  await posting.stop();
  expect(posting.acknowledged.size).toBeGreaterThan(0);
  expect(missingIds(posting.acknowledged, await readEventIds(settings))).toEqual([]);
  const [counts] = await readTopic(settings.brokers, topicNames(settings.prefix).intake);
  expect(JSON.parse(counts!.value!)).toContainEqual(
    expect.objectContaining({ producer: 'all', outcome: 'accepted', field: '', reason: '' }),
  );
});
