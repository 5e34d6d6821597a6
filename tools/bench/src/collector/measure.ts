import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { lakeStatus } from '@facet/lake';
import { openRedisProfileStore } from '@facet/profiles';
import { residentMegabytes } from './collector.ts';
import type { Collector } from './collector.ts';
import { post, postLoad } from './load.ts';
import type { LoadResult } from './load.ts';
import { nextBatch } from './payloads.ts';

/** Connections of the load: enough that a request waits while another is parsed. */
const lanes = 16;

/** Acknowledged events a second for one size of batch. */
export async function measureIngest(
  collector: Collector,
  batchEvents: number,
  events: number,
  options: { readonly isPatient?: boolean } = {},
): Promise<LoadResult> {
  const bodies = Array.from({ length: Math.ceil(events / batchEvents) }, () => nextBatch('load', batchEvents));
  return postLoad({ url: collector.ingestUrl, key: collector.key, bodies, batchEvents, lanes, ...options });
}

/** Waits until the lake holds that many rows. @returns seconds that it took. */
export async function waitForLake(collector: Collector, rows: number, stallSeconds = 120): Promise<number> {
  const startedAt = performance.now();
  let last = { rows: 0, at: startedAt };
  for (;;) {
    const status = await lakeStatus(collector.lakeFolder);
    const now = performance.now();
    if (status.rows >= rows) return (now - startedAt) / 1_000;
    if (status.rows > last.rows) last = { rows: status.rows, at: now };
    if (now - last.at > stallSeconds * 1_000) throw new Error(`the lake stands at ${status.rows} of ${rows} rows`);
    await sleep(100);
  }
}

/** Waits until the sink has read that many messages of the event topic. */
export async function waitUntilTaken(collector: Collector, messages: number): Promise<void> {
  for (;;) {
    const response = await fetch(`${collector.sinkUrl}/v1/status`, { headers: { 'x-api-key': collector.key } });
    const { partitions } = (await response.json()) as {
      readonly partitions: readonly { readonly topic: string; readonly taken: number }[];
    };
    const events = partitions.filter(({ topic }) => topic.includes('.events.'));
    if (events.reduce((sum, { taken }) => sum + taken, 0) >= messages) return;
    await sleep(50);
  }
}

export interface Freshness {
  readonly loadEventsPerSecond: number;
  readonly probes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * How long after it is sent an event is in the profile that serving reads, while other events come in at a steady rate:
 * a probe posts a purchase of a user of its own and reads the profile until it is there.
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
    if (!isStored) throw new Error('the ingest turned a request away');
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
        if (performance.now() - sentAt > 30_000) throw new Error(`${userId} is not in its profile after 30 s`);
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
  delays.sort((a, b) => a - b);
  const quantile = (share: number): number =>
    delays[Math.min(delays.length - 1, Math.floor(share * delays.length))] ?? 0;
  return {
    loadEventsPerSecond: loaded / options.seconds,
    probes: delays.length,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: delays.at(-1) ?? 0,
  };
}

export interface MemorySample {
  readonly events: number;
  readonly ingestMegabytes: number;
  readonly sinkMegabytes: number;
}

/** Resident memory after each round of events, with the sink keeping up. */
export async function measureMemory(
  collector: Collector,
  processes: { readonly ingestPid: number; readonly sinkPid: number },
  options: { readonly events: number; readonly rounds: number; readonly rowsBefore: number },
  onSample: (sample: MemorySample) => void,
): Promise<readonly MemorySample[]> {
  const samples: MemorySample[] = [];
  const perRound = options.events / options.rounds;
  for (let round = 1; round <= options.rounds; round++) {
    await measureIngest(collector, 1_000, perRound, { isPatient: true });
    await waitForLake(collector, options.rowsBefore + round * perRound);
    const sample = {
      events: round * perRound,
      ingestMegabytes: await residentMegabytes(processes.ingestPid),
      sinkMegabytes: await residentMegabytes(processes.sinkPid),
    };
    samples.push(sample);
    onSample(sample);
  }
  return samples;
}
