import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homePaths } from '@facet/config';
import { ensureInstallation } from '@facet/config/installation';
import { lakeStatus, streamLake, verifyLake } from '@facet/lake';
import { connectKafka, ensureTopics, openKafkaPublisher, topicNames } from '@facet/kafka';
import type { KafkaConnection, LogRecord, Publisher, TopicNames } from '@facet/kafka';
import { startFacetProcess } from '@facet/local-services';
import type { FacetProcess } from '@facet/local-services';
import { createLogger } from '@facet/platform';
import { openRedisProfileStore } from '@facet/profiles';
import type { RedisProfileStore } from '@facet/profiles';
import { forTest } from '@facet/testing';
import { expect, inject, onTestFinished, vi } from 'vitest';
import { readSinkConfig } from '../../src/config.ts';
import type { SinkConfig } from '../../src/config.ts';
import { startSink } from '../../src/sink/start-sink.ts';
import type { RunningSink } from '../../src/sink/start-sink.ts';
import type { SinkStatus } from '../../src/sink/sink-app.ts';

/** Topics, a data home and a Redis database of one test. */
export interface SinkBench {
  readonly prefix: string;
  readonly topics: TopicNames;
  readonly home: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly kafka: KafkaConnection;
  readonly publisher: Publisher;
  readonly store: RedisProfileStore;
  startSink(more?: Readonly<Record<string, string>>, settings?: Partial<SinkConfig>): Promise<RunningSink>;
  /** Publishes events with the ids `NAME-0`, `NAME-1` … */
  publishEvents(name: string, count: number): Promise<void>;
  /** @param more other fields of the event. */
  publishEvent(eventId: string, more?: Readonly<Record<string, unknown>>): Promise<void>;
  /** The ids of all events that this bench published. */
  readonly publishedIds: readonly string[];
  /** Returns the ids of the events in the lake. */
  lakeIds(): Promise<string[]>;
}

let databases = 0;

export async function createBench(options: { readonly redisUrl?: string } = {}): Promise<SinkBench> {
  const prefix = `s${randomUUID().slice(0, 8)}`;
  const home = await mkdtemp(join(tmpdir(), 'facet-sink-'));
  const brokers = inject('kafkaBrokers');
  // Test files run in separate processes. Each test of a file uses the next database.
  const redisUrl = options.redisUrl ?? `${inject('redisUrl')}/${databases++}`;
  const topics = topicNames(prefix);
  const kafka = connectKafka({ brokers, clientId: 'test' });
  // The broker may not know a new topic yet.
  await vi.waitFor(() => ensureTopics(kafka, { names: topics, eventPartitions: 4 }), { timeout: 10_000 });
  const publisher = openKafkaPublisher(kafka);
  const store = await openRedisProfileStore({ url: redisUrl });
  await store.clear();
  // Another file may have used the database.
  await store.installation.write((await ensureInstallation(homePaths(home))).id);
  onTestFinished(async () => {
    await publisher.close();
    await kafka.close();
    await store.close();
    await rm(home, { recursive: true, force: true });
  });
  await writeFile(join(home, 'facet.yaml'), '');
  const environment = {
    FACET_HOME: home,
    FACET_KAFKA_BROKERS: brokers.join(','),
    FACET_TOPIC_PREFIX: prefix,
    FACET_REDIS_URL: redisUrl,
    FACET_INSECURE: 'true',
    FACET_PORT: '0',
    FACET_CONFIG: join(home, 'facet.yaml'),
    FACET_SINK_COMMIT_SECONDS: '0.5',
    FACET_LOG_LEVEL: 'silent',
  };
  const publishedIds: string[] = [];
  return {
    prefix,
    topics,
    home,
    environment,
    kafka,
    publisher,
    store,
    async startSink(more = {}, settings = {}) {
      const config: SinkConfig = { ...readSinkConfig({ ...environment, ...more }), ...settings };
      return forTest(await startSink(config, { logger: createLogger({ name: 'test', level: config.logLevel }) }));
    },
    async publishEvents(name, count) {
      publishedIds.push(...Array.from({ length: count }, (_, n) => `${name}-${n}`));
      await publisher.publish(eventRecords(topics.events, name, count));
    },
    async publishEvent(eventId, more) {
      publishedIds.push(eventId);
      await publisher.publish([eventRecord(topics.events, eventId, more)]);
    },
    publishedIds,
    async lakeIds() {
      const ids: string[] = [];
      for await (const events of streamLake(join(home, 'lake'))) ids.push(...events.map(({ eventId }) => eventId));
      return ids.sort();
    },
  };
}

export function eventRecord(
  topic: string,
  eventId: string,
  more: Readonly<Record<string, unknown>> = {},
  timestamp = Date.now(),
): LogRecord {
  const event = { eventId, type: 'click', userId: `u-${eventId}`, itemId: 'i', occurredAt: timestamp, ...more };
  return { topic, key: String(event.userId), value: JSON.stringify(event), timestamp };
}

export function eventRecords(topic: string, name: string, count: number): LogRecord[] {
  return Array.from({ length: count }, (_, n) => eventRecord(topic, `${name}-${n}`, { userId: `u${n % 97}` }));
}

export async function readStatus({ url }: { readonly url: string }): Promise<SinkStatus> {
  return (await (await fetch(`${url}/v1/status`)).json()) as SinkStatus;
}

/** Whether the sink has stored this number of messages and all messages of the log. */
export async function isCaughtUp(sink: { readonly url: string }, messages: number): Promise<boolean> {
  const { partitions } = await readStatus(sink);
  const stored = partitions.reduce((sum, partition) => sum + partition.stored, 0);
  return stored >= messages && partitions.every(({ lag }) => lag === 0);
}

export async function until(condition: () => Promise<boolean>, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} seconds: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Fails unless each published event is in the lake exactly once. */
export async function expectEachOnce({ home, lakeIds, publishedIds }: SinkBench): Promise<void> {
  const check = await verifyLake(join(home, 'lake'));
  expect(check.files).toEqual([]);
  expect(check.sources.filter(({ repeated, beyond }) => repeated + beyond > 0)).toEqual([]);
  expect((await lakeStatus(join(home, 'lake'))).rows).toBe(publishedIds.length);
  expect(await lakeIds()).toEqual([...publishedIds].sort());
}

export async function startProcess(
  bench: SinkBench,
  more: Readonly<Record<string, string>> = {},
): Promise<FacetProcess> {
  const sink = await startFacetProcess({
    app: 'collector',
    args: ['sink'],
    env: { ...bench.environment, FACET_SINK_COMMIT_SECONDS: '0.2', ...more },
    probe: '/healthz',
  });
  onTestFinished(() => sink.kill());
  return sink;
}

/** Returns the exit code and the log of a sink that exits, before or after its first successful probe. */
export function exitOutput(sink: Promise<FacetProcess>): Promise<string> {
  return sink.then(
    async (started) => {
      await until(async () => !started.isRunning);
      return `exited with ${await started.stop()}: ${started.output}`;
    },
    (error: Error) => error.message,
  );
}
