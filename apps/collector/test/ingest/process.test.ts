import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { topicNames } from '@facet/kafka';
import { startFacetProcess, startKafka } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { expect, inject, it } from 'vitest';
import { eventOf, keyOf, textOf } from './fixtures.ts';
import { readTopic } from './read-topic.ts';
import { temporaryFolder } from '@facet/testing';

interface Settings {
  readonly home: string;
  readonly port: number;
  readonly prefix: string;
  readonly brokers: readonly string[];
}

async function prepare(brokers: readonly string[]): Promise<Settings> {
  const home = await temporaryFolder();
  // JSON is YAML.
  await writeFile(join(home, 'keys.yaml'), JSON.stringify({ keys: [keyOf('all', ['ingest', 'admin'])] }));
  return { home, port: await findFreePort(), prefix: `t${randomUUID().slice(0, 8)}`, brokers };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const start = ({ home, port, prefix, brokers }: Settings): Promise<FacetProcess> =>
  startFacetProcess({
    app: 'collector',
    args: ['ingest'],
    env: {
      FACET_HOME: home,
      FACET_PORT: String(port),
      FACET_TOPIC_PREFIX: prefix,
      FACET_KAFKA_BROKERS: brokers.join(','),
      FACET_INGEST_ACK_SECONDS: '1',
    },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
  });

/** Posts batches until stopped, and records acknowledged ids. */
function startPosting({ port }: Settings, name: string) {
  const acknowledged = new Set<string>();
  const stored = new Set<string>();
  let isStopped = false;
  let sent = 0;
  const post = async (): Promise<void> => {
    while (!isStopped) {
      const events = Array.from({ length: 25 }, () => eventOf(`${name}-${sent++}`, { userId: `user${sent % 7}` }));
      try {
        const response = await fetch(`http://127.0.0.1:${port}/v1/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-api-key': textOf('all') },
          body: JSON.stringify(events),
        });
        if (response.status !== 202) continue;
        stored.add(((await response.json()) as { stored: string }).stored);
        for (const { eventId } of events) acknowledged.add(eventId);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const lanes = Promise.all([post(), post(), post()]);
  return {
    acknowledged,
    stored,
    stop: async () => {
      isStopped = true;
      await lanes;
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function eventIds(settings: Settings): Promise<Set<string>> {
  const records = await readTopic(settings.brokers, topicNames(settings.prefix).events);
  return new Set(records.map(({ value }) => (JSON.parse(value!) as { eventId: string }).eventId));
}

const missing = (acknowledged: ReadonlySet<string>, found: ReadonlySet<string>): string[] =>
  [...acknowledged].filter((id) => !found.has(id));

async function waitForEmptySpool({ port }: Settings): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/status`, { headers: { 'x-api-key': textOf('all') } });
    const { spool } = (await response.json()) as { spool: { records: number } };
    if (spool.records === 0) return;
    await pause(100);
  }
}

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
