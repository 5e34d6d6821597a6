import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { lakeStatus } from '@facet/lake';
import { until } from '@facet/local-services';
import { openRedisProfileStore } from '@facet/profiles';
import { describeLatencies } from '../figures.ts';
import type { Latencies } from '../figures.ts';
import type { Collector } from './collector.ts';
import { nextBatch, post, postLoad } from './load.ts';

/** Connections of the load, enough that requests queue while the ingest parses one. */
const lanes = 16;
/** Longest time without a new row in the lake. */
const stallSeconds = 120;

/** Measures acknowledged events per second for one batch size. */
export function measureIngest(collector: Collector, batchEvents: number, events: number): Promise<number> {
  const bodies = Array.from({ length: Math.ceil(events / batchEvents) }, () => nextBatch('load', batchEvents));
  return postLoad({ url: collector.ingestUrl, key: collector.key, bodies, batchEvents, lanes });
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

/** Times from the post of an event to its profile. */
export interface Freshness extends Latencies {
  readonly loadEventsPerSecond: number;
}

/**
 * Measures the time from the post of an event to its profile under a steady load. Each probe posts a purchase of a new user
 * and polls the profile of that user.
 */
export async function measureFreshness(
  collector: Collector,
  redisUrl: string,
  options: { readonly eventsPerSecond: number; readonly seconds: number },
): Promise<Freshness> {
  const store = await openRedisProfileStore({ url: redisUrl, eventsMax: 500, ttlDays: 180 });
  const agent = new Agent({ keepAlive: true });
  const until = performance.now() + options.seconds * 1_000;
  const batchEvents = 500;
  const everyMs = (batchEvents * 1_000) / options.eventsPerSecond;
  const send = (body: string): Promise<void> =>
    post(agent, { url: collector.ingestUrl, key: collector.key }, Buffer.from(body));
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
