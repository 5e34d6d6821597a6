import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectKafka, ensureTopics, openKafkaPublisher, topicNames } from '@facet/kafka';
import { createKeyRateLimiter, listen, readAccess } from '@facet/http';
import { readFacetConfig } from '@facet/config';
import { describeError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { IngestConfig } from '../config.ts';
import { createIngestApp } from './app.ts';
import { createIngestMetrics } from './ingest-metrics.ts';
import { createIntakeCounter } from './intake-counter.ts';
import { createRecordWriter } from './record-writer.ts';
import { createRefusedRecords } from './spool/refused-records.ts';
import { openSpool } from './spool/spool.ts';

export interface RunningIngest {
  readonly url: string;
  /** Refuses new requests, finishes those under way, and leaves everything acknowledged in the log or in the spool. */
  close(): Promise<void>;
}

const intakeMs = 5_000;
/** Without Kafka the process listens all the same, and spools. */
const topicsWaitMs = 5_000;
const topicsPauseMs = 2_000;
const publisherCloseMs = 1_000;

/**
 * Starts the ingest: replays what an earlier life left in the spool, and listens.
 *
 * @throws AppError those of `readAccess`, `readFacetConfig`, `openSpool` and `listen`.
 */
export async function startIngest(
  config: IngestConfig,
  { logger, now = Date.now }: { readonly logger: Logger; readonly now?: () => number },
): Promise<RunningIngest> {
  const access = await readAccess(config.access);
  const { eventTypes } = await readFacetConfig(config.facetFile);
  const spool = await openSpool(config.spoolFolder, { bytesMax: config.spoolBytesMax });
  if (spool.truncatedBytes > 0) logger.info({ bytes: spool.truncatedBytes }, 'cut a torn write off the spool');

  const topics = topicNames(config.topicPrefix);
  const kafka = connectKafka({ brokers: config.kafkaBrokers, clientId: 'facet-ingest', logger });
  const publisher = openKafkaPublisher(kafka, {
    ackTimeoutMs: config.ackTimeoutMs,
    compression: 'none',
    closeTimeoutMs: publisherCloseMs,
  });
  const metrics = createIngestMetrics();
  const writer = createRecordWriter(
    { publisher, spool, refusedRecords: createRefusedRecords(config.spoolFolder), metrics, logger, now },
    { queueBytesMax: config.queueBytesMax },
  );
  metrics.watch(() => writer.state, now);
  const intake = createIntakeCounter({ topic: topics.intake });
  const stopIntake = repeat(intakeMs, () => writeIntake());
  const closing = new AbortController();
  const topicsMade = makeTopics(closing.signal);

  const closeParts = async (): Promise<void> => {
    closing.abort();
    stopIntake();
    await writeIntake();
    // A replay under way waits for the publisher, and ends with it.
    await Promise.all([writer.close(), publisher.close()]);
    await kafka.close();
    await spool.close();
  };

  try {
    await Promise.race([topicsMade, sleep(topicsWaitMs, undefined, { ref: false })]);
    const app = await createIngestApp(
      { logger, metrics, writer, intake, topics, rateLimiter: createKeyRateLimiter(), now, createId: randomUUID },
      { access, eventTypes, limits: { bodyBytesMax: config.bodyBytesMax } },
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

  /** Counts that find no place, or die with the process, are lost: they describe the events, which are not. */
  async function writeIntake(): Promise<void> {
    const record = intake.take(now());
    if (record === undefined) return;
    await writer.write([record]).catch((error: unknown) => {
      logger.warn({ problem: describeError(error) }, 'intake counts were lost');
    });
  }

  async function makeTopics(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const created = await ensureTopics(kafka, {
          names: topics,
          eventPartitions: config.eventPartitions,
          replicationFactor: config.replicationFactor,
        });
        if (created.length > 0) logger.info({ topics: created }, 'topics made');
        return;
      } catch (error) {
        logger.warn({ problem: describeError(error) }, 'the topics cannot be made yet');
      }
      await sleep(topicsPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

function repeat(everyMs: number, work: () => Promise<void>): () => void {
  const timer = setInterval(() => void work(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
