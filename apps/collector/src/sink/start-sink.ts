import { openLakeSnapshot, openLakeWriter } from '@facet/lake';
import {
  connectKafka,
  ensureTopics,
  openKafkaPublisher,
  readGroupInstallations,
  sinkGroupOf,
  topicNames,
} from '@facet/kafka';
import { parsePositiveRule } from '@facet/features';
import { createHttpMetrics, listen, readAccess } from '@facet/http';
import { readFacetConfig } from '@facet/config';
import { ensureInstallation, refuseOtherInstallation } from '@facet/config/installation';
import { minuteMs, openWithClosers, repeat } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { refusalReasons } from '@facet/schemas';
import type { SinkConfig } from '../config.ts';
import { createCatalogFeed } from './catalog-feed.ts';
import { createDataHealthMetrics, createDataHealthReader, startDataHealthRefresher } from './data-health.ts';
import { createDeadLetters, createTopicHandlers } from './topic-handlers.ts';
import { createGroupConsumer } from './group-consumer.ts';
import { createErasedUsers, openProfileFeed } from './profile-feed.ts';
import { createRetryPolicy } from './retry-policy.ts';
import { createSinkApp } from './sink-app.ts';
import { SinkLoop } from './sink-loop.ts';
import { addSinkGauges, createSinkMetrics } from './sink-metrics.ts';

export interface RunningSink {
  readonly url: string;
  /** Rejects when the sink cannot continue. Close it and start another one. */
  readonly failed: Promise<never>;
  /** Stops processing, stores the buffers, and leaves the group. */
  close(): Promise<void>;
}

export interface StartSinkDeps {
  readonly logger: Logger;
  /** Returns the time in epoch milliseconds. */
  readonly now?: () => number;
}

const tickMs = 1_000;
const groupMs = 5_000;
const catalogChangesMax = 50_000;
/** Each check reads a week of the lake. */
const dataHealthMs = 10 * minuteMs;

/**
 * Starts the sink: listens, then consumes. Waits for Kafka and Redis while they are away.
 *
 * @throws AppError as `readAccess`, `readFacetConfig`, `ensureInstallation`, `openLakeWriter`, `openRedisProfileStore` and `listen`.
 */
export async function startSink(config: SinkConfig, { logger, now = Date.now }: StartSinkDeps): Promise<RunningSink> {
  const facet = await readFacetConfig(config.facetFile);
  const { home } = config;
  const installation = await ensureInstallation(home);
  const isPositive = parsePositiveRule(facet.interactions.positives);
  const access = await readAccess(config.access, { logger });
  const topics = topicNames(config.topicPrefix);
  const httpMetrics = createHttpMetrics();
  const metrics = createSinkMetrics(httpMetrics.registry);
  const retryPolicy = createRetryPolicy({ logger, now });

  return openWithClosers(logger, async (closers) => {
    const lake = await openLakeWriter(home.lakeFolder);
    closers.push(() => lake.close());
    const catalog = createCatalogFeed(home.catalogFolder, { logger, now });
    closers.push(() => catalog.close());
    const erasedUsers = createErasedUsers();
    erasedUsers.addRecorded(await openLakeSnapshot(home.lakeFolder));
    const { feed: profiles, close: closeProfiles } = await openProfileFeed(
      { ...config, ...facet.profiles },
      { installation, erasedUsers, isPositive, retryPolicy, metrics, logger, now },
    );
    closers.push(closeProfiles);
    const kafka = connectKafka({ ...config.kafka, clientId: 'facet-sink', logger });
    closers.push(() => kafka.close());
    const publisher = openKafkaPublisher(kafka);
    closers.push(() => publisher.close());

    const deadLetters = createDeadLetters({ publisher, lake, retryPolicy, metrics, now }, topics);
    const handlers = createTopicHandlers(
      topics,
      { lake, catalog, profiles, deadLetters, erasedUsers, metrics, now },
      { types: facet.eventTypes, isPositive },
    );

    // An alert on an increase needs a counter that starts at 0.
    for (const topic of handlers.keys()) {
      metrics.countLost(topic, 0);
      for (const reason of refusalReasons) metrics.countDeadLetters(topic, reason, 0);
    }

    // A killed member keeps its partitions for one session, and stored offsets move with each commit.
    const groupStallMs = 2 * config.sessionMs + 2 * Math.max(config.commitMs, config.catalogMs);
    const groupId = sinkGroupOf(config.topicPrefix);
    const consumer = createGroupConsumer(
      kafka,
      { logger },
      { groupId, topics: [...handlers.keys()], installationId: installation.id, sessionMs: config.sessionMs },
    );
    const loop = new SinkLoop(
      { log: consumer, lake, catalog, profiles, handlers, retryPolicy, metrics, logger, now },
      { ...config, groupId, catalogChangesMax },
    );
    addSinkGauges(httpMetrics.registry, { readState: () => loop.state, groupStallMs, now });

    const dataHealth = createDataHealthReader({ ...home, settings: facet.dataHealth, now }, { freshMs: dataHealthMs });
    const app = await createSinkApp(
      {
        logger,
        metrics: httpMetrics,
        readState: () => loop.state,
        dataHealth,
        lakeFolder: home.lakeFolder,
        kafka,
        publisher,
        topics,
        eventTypes: facet.eventTypes,
        now,
      },
      { access, tls: config.tls, stallMs: config.stallMs, groupStallMs },
    );
    closers.push(() => app.close());
    const { url } = await listen(app, config);
    const dataHealthMetrics = createDataHealthMetrics(httpMetrics.registry);
    const refresher = startDataHealthRefresher(
      { reader: dataHealth, metrics: dataHealthMetrics, healthFolder: home.healthFolder, logger, now },
      { intervalMs: dataHealthMs },
    );
    closers.push(async () => refresher.close());

    closers.push(() => consumer.close());
    const crash = (error: unknown): void => loop.crashed(error);
    closers.push(repeat(tickMs, () => loop.tick(), crash));
    closers.push(repeat(groupMs, () => loop.refreshGroup(), crash));
    const stopping = new AbortController();
    // These two close first: they end what the others may be waiting for.
    closers.push(() => loop.close());
    closers.push(async () => stopping.abort());

    const consume = async (): Promise<void> => {
      const location = `the consumer group ${groupId} in Kafka at ${config.kafka.brokers.join(', ')}`;
      for (const found of await readGroupInstallations(kafka, { groupId, topics: [...handlers.keys()] })) {
        refuseOtherInstallation(installation, location, found);
      }
      const { eventPartitions, replicationFactor } = config;
      await ensureTopics(kafka, { names: topics, eventPartitions, replicationFactor });
      await consumer.start(loop);
    };
    retryPolicy.retry('kafka', consume, stopping.signal).catch((error: unknown) => {
      if (!stopping.signal.aborted) loop.crashed(error);
    });
    return { url, failed: loop.failed };
  });
}
