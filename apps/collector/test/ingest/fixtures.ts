import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { randomUUID } from 'node:crypto';
import { connectKafka, ensureTopics, openKafkaPublisher, topicNames } from '@facet/kafka';
import type { Publisher, TopicNames } from '@facet/kafka';
import { createKeyRateLimiter } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { createLogger, hashApiKey } from '@facet/platform';
import type { ApiKey, Scope } from '@facet/platform';
import { inject } from 'vitest';
import { createModelAttributes } from '../../src/ingest/start-ingest.ts';
import { createIngestApp } from '../../src/ingest/ingest-app.ts';
import type { IngestOptions } from '../../src/ingest/ingest-app.ts';
import { createIngestMetrics } from '../../src/ingest/ingest-metrics.ts';
import { createIntakeCounter } from '../../src/ingest/intake-counter.ts';
import { createRecordWriter } from '../../src/ingest/record-writer.ts';
import { openSpool } from '../../src/ingest/spool/spool.ts';

/** The text of the key with this name, and the key as stored. */
export const textOf = (name: string): string => `facet_the-key-of-${name}`;
export const keyOf = (name: string, scopes: readonly Scope[], more: Partial<ApiKey> = {}): ApiKey => ({
  name,
  scopes,
  sha256: hashApiKey(textOf(name)),
  ...more,
});

export const eventOf = (eventId: string, more: Readonly<Record<string, unknown>> = {}) => ({
  eventId,
  type: 'click',
  userId: 'ada',
  itemId: 'book-7',
  occurredAt: '2026-01-31T12:00:00Z',
  ...more,
});

export interface TestIngest {
  readonly app: HttpApp;
  readonly topics: TopicNames;
  /** Log lines of the app. */
  readonly logLines: string[];
  readonly drainIntake: () => string | null | undefined;
  close(): Promise<void>;
}

/** Starts the ingest with a real broker and without a socket. */
export async function createTestIngest(options: {
  readonly spoolFolder: string;
  readonly ingest: Omit<IngestOptions, 'eventTypes'> & { readonly eventTypes?: readonly string[] };
  readonly brokers?: readonly string[];
  readonly topics?: TopicNames;
  readonly ackTimeoutMs?: number;
  readonly spoolBytesMax?: number;
  readonly queueBytesMax?: number;
  readonly recordBytesMax?: number;
  readonly now?: () => number;
  readonly artifactsFolder?: string;
  /** `features.items` of facet.yaml. */
  readonly features?: 'auto' | readonly string[];
}): Promise<TestIngest> {
  const logLines: string[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'debug',
    destination: { write: (line) => void logLines.push(line) },
  });
  const topics = options.topics ?? topicNames(`t${randomUUID().slice(0, 8)}`);
  const brokers = options.brokers ?? inject('kafkaBrokers');
  const kafka = connectKafka({ brokers, clientId: 'test' });
  if (options.brokers === undefined) await ensureTopics(kafka, { names: topics, eventPartitions: 2 });
  const publisher: Publisher = openKafkaPublisher(kafka, {
    ackTimeoutMs: options.ackTimeoutMs ?? 10_000,
    closeTimeoutMs: 500,
    recordBytesMax: options.recordBytesMax,
  });
  const spool = await openSpool(options.spoolFolder, { bytesMax: options.spoolBytesMax ?? 8 << 20 });
  const metrics = createIngestMetrics();
  const now = options.now ?? Date.now;
  const writer = createRecordWriter(
    { publisher, spool, metrics, logger, now },
    { queueBytesMax: options.queueBytesMax ?? 8 << 20 },
  );
  metrics.watch(() => writer.state, now);
  const intake = createIntakeCounter({ topic: topics.intake });
  const app = await createIngestApp(
    {
      logger,
      metrics,
      writer,
      intake,
      topics,
      rateLimiter: createKeyRateLimiter(),
      modelAttributes: createModelAttributes({
        store: createFolderArtifactStore(options.artifactsFolder ?? join(options.spoolFolder, 'no-artifacts')),
        configured: options.features ?? 'auto',
        logger,
        now,
      }),
      usedAttributes: new Set(['genre']),
      now,
      createId: randomUUID,
    },
    { eventTypes: [], ...options.ingest },
  );
  return {
    app,
    topics,
    logLines,
    drainIntake: () => intake.drain(now())?.value,
    async close() {
      await app.close();
      await Promise.all([writer.close(), publisher.close()]);
      await kafka.close();
      await spool.close();
    },
  };
}
