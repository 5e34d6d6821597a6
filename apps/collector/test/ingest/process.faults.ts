import { setTimeout as sleep } from 'node:timers/promises';
import { startKafka } from '@facet/local-services';
import { expect, it } from 'vitest';
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
