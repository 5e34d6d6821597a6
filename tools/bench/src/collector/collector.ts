import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lakeStatus } from '@facet/lake';
import { askRedis, findFreePorts, startFacetProcess, until } from '@facet/local-services';
import type { LocalS3 } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { openRedisProfileStore } from '@facet/profiles';
import { describeLatencies, timed } from '../figures.ts';
import { nextBatch, post } from './load.ts';

/** A collector under measurement, with default settings. */
export type Collector = Awaited<ReturnType<typeof prepareCollector>>;

/** @param options.s3 The server of the lake. Default: the lake is in the data home. */
export async function prepareCollector(options: {
  readonly folder: string;
  readonly brokers: readonly string[];
  readonly redisUrl: string;
  readonly topicPrefix: string;
  readonly s3?: LocalS3 | undefined;
}) {
  const { s3 } = options;
  // A new home refuses the profiles of another one.
  await askRedis(Number(new URL(options.redisUrl).port), 'FLUSHALL');
  const home = join(options.folder, options.topicPrefix);
  const lakeFolder = join(home, 'lake');
  await s3?.writeConfig(lakeFolder, options.topicPrefix);
  const key = createApiKey();
  await addApiKey(join(home, 'keys.yaml'), { name: 'bench', scopes: ['ingest', 'admin'], sha256: hashApiKey(key) });
  const [ingestPort = 0, sinkPort = 0] = await findFreePorts(2);
  const env = {
    FACET_HOME: home,
    FACET_KAFKA_BROKERS: options.brokers.join(','),
    FACET_TOPIC_PREFIX: options.topicPrefix,
    FACET_REDIS_URL: options.redisUrl,
    FACET_LOG_LEVEL: 'warn',
    ...s3?.env,
  };
  return {
    key,
    lakeFolder,
    ingestUrl: `http://127.0.0.1:${ingestPort}`,
    sinkUrl: `http://127.0.0.1:${sinkPort}`,
    startIngest: () => startFacetProcess({ app: 'collector', args: ['ingest'], port: ingestPort, env }),
    startSink: () => startFacetProcess({ app: 'collector', args: ['sink'], port: sinkPort, env, probe: '/healthz' }),
  };
}

/** Connections of the load, enough that requests queue while the ingest parses one. */
const lanes = 16;
/** Longest time without a new row in the lake. */
const stallSeconds = 120;

/** Measures acknowledged events per second for one batch size. Each connection has one request at a time. */
export async function measureIngest(collector: Collector, batchEvents: number, events: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  const batches = Math.ceil(events / batchEvents);
  // Built before the measurement, because the generator shares the cores with the collector.
  const queue = Array.from({ length: batches }, () => Buffer.from(nextBatch('load', batchEvents)));
  const lane = async (): Promise<void> => {
    for (let body = queue.pop(); body !== undefined; body = queue.pop()) await post(agent, collector, body);
  };
  const { seconds } = await timed(() => Promise.all(Array.from({ length: lanes }, lane)));
  agent.destroy();
  return (batches * batchEvents) / seconds;
}

/** Waits until the lake contains `rows` rows. @throws Error when it stops growing. */
export async function waitForLake({ lakeFolder }: Collector, rows: number): Promise<void> {
  for (let last = -1; last < rows;) {
    const before = last;
    last = await until(
      `more rows in the lake than ${before} of ${rows}`,
      async () => {
        const found = (await lakeStatus(lakeFolder)).rows;
        return found > before && found;
      },
      stallSeconds,
    );
  }
}

/** Waits until the sink has processed `messages` messages of the event topic. */
export async function waitUntilProcessed({ sinkUrl, key }: Collector, messages: number): Promise<void> {
  const areProcessed = async (): Promise<boolean> => {
    const response = await fetch(`${sinkUrl}/v1/status`, { headers: { 'x-api-key': key } });
    const { partitions } = (await response.json()) as {
      readonly partitions: readonly { readonly topic: string; readonly processed: number }[];
    };
    const events = partitions.filter(({ topic }) => topic.includes('.events.'));
    return events.reduce((sum, { processed }) => sum + processed, 0) >= messages;
  };
  await until('the sink', areProcessed, Infinity);
}

/**
 * Measures the time from the post of an event to its profile under a steady load. Each probe posts a purchase of a new user
 * and polls the profile of that user.
 */
export async function measureFreshness(
  collector: Collector,
  redisUrl: string,
  options: { readonly eventsPerSecond: number; readonly seconds: number },
) {
  const store = await openRedisProfileStore({ url: redisUrl, eventsMax: 500, ttlDays: 180 });
  const agent = new Agent({ keepAlive: true });
  const until = performance.now() + options.seconds * 1_000;
  const batchEvents = 500;
  const everyMs = (batchEvents * 1_000) / options.eventsPerSecond;
  const send = (body: string): Promise<void> => post(agent, collector, Buffer.from(body));
  let loaded = 0;
  const load = async (): Promise<void> => {
    const startedAt = performance.now();
    for (let batch = 0; performance.now() < until; batch++) {
      await sleep(startedAt + batch * everyMs - performance.now());
      await send(nextBatch('load', batchEvents));
      loaded += batchEvents;
    }
  };
  const delays: number[] = [];
  const probe = async (lane: number): Promise<void> => {
    for (let number = 0; performance.now() < until; number++) {
      const userId = `probe-${lane}-${number}`;
      const event = { eventId: userId, type: 'purchase', userId, itemId: 'i1', occurredAt: Date.now() };
      const sentAt = performance.now();
      await send(JSON.stringify(event));
      while ((await store.read(userId)) === undefined) {
        if (performance.now() - sentAt > 30_000) throw new Error(`${userId} has no profile after 30 s`);
        await sleep(2);
      }
      delays.push(performance.now() - sentAt);
      await sleep(20);
    }
  };
  try {
    await Promise.all([load(), ...[0, 1, 2].map(probe)]);
  } finally {
    agent.destroy();
    await store.close();
  }
  return { loadEventsPerSecond: loaded / options.seconds, ...describeLatencies(Float64Array.from(delays)) };
}
