import { topicNames } from '@facet/kafka';
import { expect, inject, it, onTestFinished } from 'vitest';
import { eventOf, textOf } from './fixtures.ts';
import { prepareIngest, startIngest, waitForEmptySpool } from './ingest-process.ts';
import { readTopic } from './read-topic.ts';

/** No process listens on this port. */
const deadBroker = '127.0.0.1:9';

it('sends each acknowledged event once after it was killed before Kafka had the event', async () => {
  const settings = await prepareIngest(inject('kafkaBrokers'));
  const killed = await startIngest({ ...settings, brokers: [deadBroker] });
  onTestFinished(() => killed.kill());
  const events = Array.from({ length: 50 }, (_, at) => eventOf(`e${at}`, { userId: `user${at % 7}` }));
  const response = await fetch(`${killed.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': textOf('all') },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ accepted: 50, stored: 'spool' });
  await killed.kill();

  const restarted = await startIngest(settings);
  onTestFinished(() => restarted.kill());
  await waitForEmptySpool(settings);
  const records = await readTopic(settings.brokers, topicNames(settings.prefix).events);
  const ids = records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId);
  expect(ids.toSorted()).toEqual(events.map(({ eventId }) => eventId).toSorted());
});
