import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectKafka, ensureTopics, topicNames } from '@facet/kafka';
import { startKafka } from '@facet/local-services';
import { seededRandom } from '@facet/testing';
import { ConfigResourceTypes } from 'kafkajs';
import { expect, it } from 'vitest';
import { eventOf, textOf } from './fixtures.ts';
import {
  readEventIds,
  missingIds,
  prepareIngest,
  startIngest,
  startPosting,
  waitForEmptySpool,
} from './ingest-process.ts';

it('loses no acknowledged event when killed, with and without Kafka', async () => {
  const kafka = await startKafka();
  const settings = await prepareIngest(kafka.brokers);
  let ingest = await startIngest(settings);
  try {
    const posting = startPosting(settings, 'e');
    await sleep(500);
    await ingest.kill();
    ingest = await startIngest(settings);
    await sleep(500);
    await kafka.nodes[0]!.kill();
    await sleep(2_000);
    await ingest.kill();
    // Killed while it tries to replay without Kafka.
    ingest = await startIngest(settings);
    await sleep(1_000);
    await ingest.kill();
    ingest = await startIngest(settings);
    await kafka.nodes[0]!.start();
    await sleep(500);
    await ingest.kill();
    ingest = await startIngest(settings);
    await sleep(500);
    await posting.stop();
    await waitForEmptySpool(settings);
    const { acknowledged, stored } = posting;
    expect(stored).toEqual(new Set(['log', 'spool']));
    expect(acknowledged.size).toBeGreaterThan(500);
    expect(missingIds(acknowledged, await readEventIds(settings))).toEqual([]);
  } finally {
    await ingest.kill();
    await kafka.stop();
  }
}, 180_000);

it('loses no acknowledged event when killed while Kafka refuses records of the spool', async () => {
  const kafka = await startKafka();
  const settings = await prepareIngest(kafka.brokers);
  const names = topicNames(settings.prefix);
  const connection = connectKafka({ brokers: kafka.brokers, clientId: 'test' });
  await ensureTopics(connection, { names, eventPartitions: 2 });
  const configEntries = [{ name: 'max.message.bytes', value: '30000' }];
  const resource = { type: ConfigResourceTypes.TOPIC, name: names.events, configEntries };
  await (await connection.admin()).alterConfigs({ validateOnly: false, resources: [resource] });
  await connection.close();
  await kafka.nodes[0]!.kill();

  let ingest = await startIngest(settings);
  try {
    const small: string[] = [];
    const large: string[] = [];
    for (let request = 0; request < 100; request++) {
      const events = Array.from({ length: 20 }, (_, at) => eventOf(`s${request}-${at}`, { userId: `user${at}` }));
      const tooLarge = eventOf(`l${request}`, { notes: Array.from({ length: 10 }, () => 'x'.repeat(4_000)) });
      const response = await fetch(`http://127.0.0.1:${settings.port}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': textOf('all') },
        body: JSON.stringify([...events, tooLarge]),
      });
      expect(await response.json()).toMatchObject({ accepted: 21, stored: 'spool' });
      small.push(...events.map(({ eventId }) => eventId));
      large.push(tooLarge.eventId);
    }
    await kafka.nodes[0]!.start();
    const random = seededRandom();
    for (let kill = 0; kill < 6; kill++) {
      await sleep(random() * 4_000);
      await ingest.kill();
      ingest = await startIngest(settings);
    }
    await waitForEmptySpool(settings);
    const stored = await readEventIds(settings);
    expect(missingIds(new Set(small), stored)).toEqual([]);
    expect(missingIds(new Set(large), stored)).toEqual(large);
    const spool = join(settings.home, 'spool');
    const refused = (await readdir(spool)).filter((name) => name.endsWith('.refused'));
    const text = (await Promise.all(refused.map((name) => readFile(join(spool, name), 'utf8')))).join('');
    expect(large.filter((id) => !text.includes(`\\"${id}\\"`))).toEqual([]);
  } finally {
    await ingest.kill();
    await kafka.stop();
  }
}, 300_000);
