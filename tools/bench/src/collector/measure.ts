import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { lakeStatus } from '@facet/lake';
import { openRedisProfileStore } from '@facet/profiles';
import { memoryMb } from '../figures.ts';
import { describeLatencies } from '../load/latencies.ts';
import type { Latencies } from '../load/latencies.ts';
import type { Collector } from './collector.ts';
import { nextBatch, post, postLoad } from './load.ts';
import type { LoadResult } from './load.ts';

/** Connections of the load, enough that requests queue while the ingest parses one. */
const lanes = 16;

/** Measures acknowledged events per second for one batch size. */
export async function measureIngest(
  collector: Collector,
  batchEvents: number,
  events: number,
  options: { readonly retriesOn503?: boolean } = {},
): Promise<LoadResult> {
  const bodies = Array.from({ length: Math.ceil(events / batchEvents) }, () => nextBatch('load', batchEvents));
  return postLoad({ url: collector.ingestUrl, key: collector.key, bodies, batchEvents, lanes, ...options });
}

/** Waits until the lake contains `rows` rows. Returns the seconds. */
export async function waitForLake(collector: Collector, rows: number, stallSeconds = 120): Promise<number> {
  const startedAt = performance.now();
  let last = { rows: 0, at: startedAt };
  for (;;) {
    const status = await lakeStatus(collector.lakeFolder);
    const now = performance.now();
    if (status.rows >= rows) return (now - startedAt) / 1_000;
    if (status.rows > last.rows) last = { rows: status.rows, at: now };
    if (now - last.at > stallSeconds * 1_000) {
      throw new Error(`the lake stopped growing at ${status.rows} of ${rows} rows`);
    }
    await sleep(100);
  }
}

/** Waits until the sink has processed `messages` messages of the event topic. */
export async function waitUntilProcessed(collector: Collector, messages: number): Promise<void> {
  for (;;) {
    const response = await fetch(`${collector.sinkUrl}/v1/status`, { headers: { 'x-api-key': collector.key } });
    const { partitions } = (await response.json()) as {
      readonly partitions: readonly { readonly topic: string; readonly processed: number }[];
    };
    const events = partitions.filter(({ topic }) => topic.includes('.events.'));
    if (events.reduce((sum, { processed }) => sum + processed, 0) >= messages) return;
    await sleep(50);
  }
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
  const send = async (body: string): Promise<void> => {
    const isStored = await post(agent, { url: collector.ingestUrl, key: collector.key }, Buffer.from(body));
    if (!isStored) throw new Error('The ingest rejected a request with 503.');
  };
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

export interface MemorySample {
  readonly events: number;
  readonly ingestMegabytes: number;
  readonly sinkMegabytes: number;
}

/** Records the resident memory after each round of events, once the sink has caught up. */
export async function measureMemory(
  collector: Collector,
  processes: { readonly ingestPid: number; readonly sinkPid: number },
  options: { readonly events: number; readonly rounds: number; readonly rowsBefore: number },
  onSample: (sample: MemorySample) => void,
): Promise<readonly MemorySample[]> {
  const samples: MemorySample[] = [];
  const perRound = options.events / options.rounds;
  for (let round = 1; round <= options.rounds; round++) {
    await measureIngest(collector, 1_000, perRound, { retriesOn503: true });
    await waitForLake(collector, options.rowsBefore + round * perRound);
    const sample = {
      events: round * perRound,
      ingestMegabytes: memoryMb('VmRSS', processes.ingestPid),
      sinkMegabytes: memoryMb('VmRSS', processes.sinkPid),
    };
    samples.push(sample);
    onSample(sample);
  }
  return samples;
}
