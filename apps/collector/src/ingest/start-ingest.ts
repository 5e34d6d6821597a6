import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { readModelAttributes } from '@facet/bundles/model-attributes';
import { readFacetConfig, usedItemAttributes } from '@facet/config';
import { createKeyRateLimiter, listen, readAccess } from '@facet/http';
import { connectKafka, ensureTopics, openKafkaPublisher, topicNames } from '@facet/kafka';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { ConstantBackoff, handleAll, retry } from 'cockatiel';
import type { IngestConfig } from '../config.ts';
import { createIngestApp } from './ingest-app.ts';
import { createIngestMetrics } from './ingest-metrics.ts';
import { createIntakeCounter } from './intake-counter.ts';
import { createRecordWriter } from './record-writer.ts';
import { openSpool } from './spool/spool.ts';

export interface RunningIngest {
  readonly url: string;
  /** Rejects new requests, finishes current ones, and leaves all acknowledged records in the log or in the spool. */
  close(): Promise<void>;
}

const intakeMs = 5_000;
/** Without Kafka, the process listens after this time and writes to the spool. */
const topicsWaitMs = 5_000;
const topicRetries = retry(handleAll, {
  maxAttempts: Number.POSITIVE_INFINITY,
  backoff: new ConstantBackoff(2_000),
}).dangerouslyUnref();
const publisherCloseMs = 1_000;

/**
 * Starts the ingest: replays the spool of an earlier process, and listens.
 *
 * @throws AppError as `readAccess`, `readFacetConfig`, `openSpool` and `listen`.
 */
export async function startIngest(
  config: IngestConfig,
  { logger, now = Date.now }: { readonly logger: Logger; readonly now?: () => number },
): Promise<RunningIngest> {
  const access = await readAccess(config.access, { logger });
  const facet = await readFacetConfig(config.facetFile);
  const { eventTypes } = facet;
  const spool = await openSpool(config.spoolFolder, { bytesMax: config.spoolBytesMax });
  if (spool.truncatedBytes > 0) logger.info({ bytes: spool.truncatedBytes }, 'truncated a torn write in the spool');

  const topics = topicNames(config.topicPrefix);
  const kafka = connectKafka({ ...config.kafka, clientId: 'facet-ingest', logger });
  const publisher = openKafkaPublisher(kafka, {
    ackTimeoutMs: config.ackTimeoutMs,
    compression: 'none',
    closeTimeoutMs: publisherCloseMs,
  });
  const metrics = createIngestMetrics();
  const writer = createRecordWriter(
    { publisher, spool, metrics, logger, now },
    { queueBytesMax: config.queueBytesMax },
  );
  metrics.watch(() => writer.state, now);
  const intake = createIntakeCounter({ topic: topics.intake });
  const intakeTimer = setInterval(() => void writeIntake(), intakeMs).unref();
  const closing = new AbortController();
  const creatingTopics = topicRetries.execute(() => createTopics(), closing.signal).catch(() => undefined);

  const closeParts = async (): Promise<void> => {
    closing.abort();
    clearInterval(intakeTimer);
    await writeIntake();
    // A replay in progress waits for the publisher and ends with it.
    await Promise.all([writer.close(), publisher.close()]);
    await kafka.close();
    await spool.close();
  };

  try {
    await Promise.race([creatingTopics, sleep(topicsWaitMs, undefined, { ref: false })]);
    const app = await createIngestApp(
      {
        logger,
        metrics,
        writer,
        intake,
        topics,
        rateLimiter: createKeyRateLimiter(),
        modelAttributes: createModelAttributes({
          store: openArtifactStore(config.artifactsFolder),
          configured: facet.features.items,
          logger,
          now,
        }),
        usedAttributes: usedItemAttributes(facet, now()),
        now,
        createId: randomUUID,
      },
      { access, tls: config.tls, eventTypes, limits: { bodyBytesMax: config.bodyBytesMax } },
    );
    const { url } = await listen(app, config);
    return {
      url,
      async close() {
        await app.close();
        await closeParts();
      },
    };
  } catch (error) {
    await closeParts();
    throw error;
  }

  /** Drops counts that cannot be stored. Unlike events, counts have no guarantee. */
  async function writeIntake(): Promise<void> {
    const record = intake.drain(now());
    if (record === undefined) return;
    await writer.write([record]).catch((error: unknown) => {
      logger.warn({ problem: describeError(error) }, 'dropped intake counts');
    });
  }

  async function createTopics(): Promise<void> {
    if (closing.signal.aborted) return;
    try {
      const { eventPartitions, replicationFactor } = config;
      const created = await ensureTopics(kafka, { names: topics, eventPartitions, replicationFactor });
      writer.setTopicsReachable(true);
      if (created.length > 0) logger.info({ topics: created }, 'created topics');
    } catch (error) {
      writer.setTopicsReachable(false);
      logger.warn({ problem: describeError(error) }, 'creating topics failed; retrying');
      throw error;
    }
  }
}

/** Cache time of the attributes of the current bundle. */
const freshMs = 10_000;

export interface ModelAttributesDeps {
  /** The artifacts of the data home. The ingest may run on a machine without them. */
  readonly store: ArtifactStore;
  /** `features.items` of facet.yaml. */
  readonly configured: 'auto' | readonly string[];
  readonly logger: Pick<Logger, 'warn'>;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Creates the function that returns the attributes of items that the model reads: those of the current bundle, or else those that
 * facet.yaml lists. Returns undefined if there is no current bundle and features.items is `auto`.
 */
export function createModelAttributes({
  store,
  configured,
  logger,
  now,
}: ModelAttributesDeps): () => Promise<readonly string[] | undefined> {
  const listed = configured === 'auto' ? undefined : configured;
  let known: { readonly at: number; readonly names: Promise<readonly string[] | undefined> } | undefined;

  async function read(): Promise<readonly string[] | undefined> {
    try {
      return (await readModelAttributes(store)) ?? listed;
    } catch (error) {
      logger.warn({ problem: describeError(error) }, 'cannot read which attributes the current bundle reads');
      return listed;
    }
  }

  return async () => {
    if (known === undefined || now() - known.at >= freshMs) known = { at: now(), names: read() };
    return known.names;
  };
}
