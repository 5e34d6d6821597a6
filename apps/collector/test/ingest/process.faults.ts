import { startKafka } from '@facet/local-services';
import { expect, it } from 'vitest';
import { eventIds, missing, pause, prepare, start, startPosting, waitForEmptySpool } from './ingest-process.ts';

it('loses no acknowledged event when killed, with and without Kafka', async () => {
  const kafka = await startKafka();
  const settings = await prepare(kafka.brokers);
  let ingest = await start(settings);
  try {
    const posting = startPosting(settings, 'e');
    await pause(500);
    await ingest.kill();
    ingest = await start(settings);
    await pause(500);
    await kafka.nodes[0]!.kill();
    await pause(2_000);
    await ingest.kill();
    // Killed while it tries to replay without Kafka.
    ingest = await start(settings);
    await pause(1_000);
    await ingest.kill();
    ingest = await start(settings);
    await kafka.nodes[0]!.start();
    await pause(500);
    await ingest.kill();
    ingest = await start(settings);
    await pause(500);
    await posting.stop();
    await waitForEmptySpool(settings);
    const { acknowledged, stored } = posting;
    expect(stored).toEqual(new Set(['log', 'spool']));
    expect(acknowledged.size).toBeGreaterThan(500);
    expect(missing(acknowledged, await eventIds(settings))).toEqual([]);
  } finally {
    await ingest.kill();
    await kafka.stop();
  }
}, 180_000);
