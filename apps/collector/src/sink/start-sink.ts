import { listErasures, openLakeWriter } from '@facet/lake';
import { connectKafka, ensureTopics, openKafkaPublisher, topicNames } from '@facet/kafka';
import { parsePositiveRule } from '@facet/features';
import { createHttpMetrics, listen, readAccess } from '@facet/http';
import { readFacetConfig } from '@facet/config';
import type { Logger } from '@facet/platform';
import type { SinkConfig } from '../config.ts';
import { createCatalogFeed } from './catalog-feed.ts';
import { createDataHealthMetrics } from './data-health/data-health-metrics.ts';
import { createDataHealthReader } from './data-health/data-health-reader.ts';
import { startDataHealthRefresher } from './data-health/data-health-refresher.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createGroupConsumer } from './group-consumer.ts';
import { createItemsHandler, createUsersHandler } from './handlers/catalog-handlers.ts';
import { createErasedUsers, createErasuresHandler } from './handlers/erasures-handler.ts';
import { createEventsHandler } from './handlers/events-handler.ts';
import { createIntakeHandler } from './handlers/intake-handler.ts';
import { openProfileFeed } from './open-profile-feed.ts';
import { createPatience } from './patience.ts';
import { createSinkApp } from './sink-app.ts';
import { lagOf, stalledMs } from './sink-health.ts';
import type { SinkState } from './sink-health.ts';
import { SinkLoop } from './sink-loop.ts';
import { addSinkGauges, createSinkMetrics } from './sink-metrics.ts';

export interface RunningSink {
  readonly url: string;
  /** Rejects when the sink cannot go on: close it and start another one. */
  readonly failed: Promise<never>;
  /** Takes nothing any more, stores what was taken, leaves the group. */
  close(): Promise<void>;
}

export interface StartSinkDeps {
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now?: () => number;
}

const tickMs = 1_000;
/** How often the log is asked how far it goes, for the lag of partitions of which nothing comes. */
const endsMs = 5_000;
const catalogChangesMax = 50_000;
/** How often the days are checked; it reads a week of the lake. */
const dataHealthMs = 10 * 60_000;

/**
 * Listens, then consumes. It waits for Kafka and Redis while they are away.
 *
 * @throws AppError those of `readAccess`, `readFacetConfig`, `openLakeWriter`, `openRedisProfileStore` and `listen`.
 */
export async function startSink(config: SinkConfig, { logger, now = Date.now }: StartSinkDeps): Promise<RunningSink> {
  const {
    interactions,
    eventTypes,
    profiles: profileBounds,
    dataHealth: bounds,
  } = await readFacetConfig(config.facetFile);
  const isPositive = parsePositiveRule(interactions.positives);
  const access = await readAccess(config.access);
  const topics = topicNames(config.topicPrefix);
  const httpMetrics = createHttpMetrics();
  const metrics = createSinkMetrics(httpMetrics.registry);
  const patience = createPatience({ logger, now });

  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne();
  };
  try {
    const lake = await openLakeWriter(config.lakeFolder);
    closers.push(() => lake.close());
    const catalog = createCatalogFeed(config.catalogFolder, { now });
    const profiles = await openProfileFeed(
      { ...config, ...profileBounds },
      { catalog, isPositive, patience, metrics, logger, now },
    );
    closers.push(() => profiles.close());
    const kafka = connectKafka({ brokers: config.kafkaBrokers, clientId: 'facet-sink', logger });
    closers.push(() => kafka.close());
    const publisher = openKafkaPublisher(kafka);
    closers.push(() => publisher.close());

    const erasedUsers = createErasedUsers();
    for (const { userHash, requestedAt } of await listErasures(config.lakeFolder)) {
      erasedUsers.add(userHash, requestedAt);
    }
    const deadLetters = createDeadLetters({ publisher, lake, patience, metrics, now }, { topic: topics.deadLetters });
    const targets = { lake, catalog, profiles: profiles.feed, deadLetters, metrics, now };
    const handlers = new Map([
      [topics.events, createEventsHandler(targets, { types: eventTypes, isPositive })],
      [topics.items, createItemsHandler(targets)],
      [topics.users, createUsersHandler(targets, { erasedUsers })],
      [topics.erasures, createErasuresHandler(targets, { erasedUsers })],
      [topics.intake, createIntakeHandler(targets)],
    ]);

    const group = { id: `${config.topicPrefix}-sink`, isMember: false, since: now() };
    const setMember = (isMember: boolean): void => void Object.assign(group, { isMember, since: now() });
    const consumer = createGroupConsumer(
      kafka,
      { logger },
      {
        groupId: group.id,
        topics: [...handlers.keys()],
        sessionMs: config.sessionMs,
      },
    );
    const loop = new SinkLoop(
      { log: consumer, lake, catalog, profiles: profiles.feed, handlers, patience, metrics, logger, now },
      { ...config, catalogChangesMax },
    );

    let failure: unknown;
    let reject: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_, rejectFailed) => (reject = rejectFailed));
    failed.catch(() => undefined);
    const fail = (error: unknown): void => {
      failure ??= error;
      reject(error);
    };

    const readState = (): SinkState => ({
      group,
      positions: loop.positions,
      lastProgressAt: loop.lastProgressAt,
      bufferedRows: lake.pending.events,
      troubles: patience.troubles,
      failure,
    });
    addSinkGauges(httpMetrics.registry, {
      lags: () => loop.positions.map((position) => ({ ...position, lag: lagOf(position) })),
      stalledSeconds: () => stalledMs(readState(), now()) / 1000,
      bufferedRows: () => lake.pending.events,
      isMember: () => group.isMember,
    });
    const dataHealth = createDataHealthReader({ ...config, bounds, now }, { freshMs: dataHealthMs });
    const app = await createSinkApp(
      { logger, metrics: httpMetrics, readState, dataHealth, now },
      { access, stallMs: config.stallMs },
    );
    closers.push(() => app.close());
    const { url } = await listen(app, config);
    const refresher = startDataHealthRefresher(
      {
        reader: dataHealth,
        metrics: createDataHealthMetrics(httpMetrics.registry),
        healthFolder: config.healthFolder,
        logger,
        now,
      },
      { intervalMs: dataHealthMs },
    );
    closers.push(async () => refresher.close());

    const stopping = new AbortController();
    closers.push(() => consumer.close());
    closers.push(
      repeat(tickMs, () => loop.tick().catch(fail)),
      repeat(endsMs, async () => {
        if (!group.isMember) return;
        const extents = await consumer.readExtents(loop.assignment).catch(() => undefined);
        if (extents !== undefined) loop.noteEnds(extents);
      }),
    );
    // First of all: it ends what the others may be waiting for.
    closers.push(() => loop.close());
    closers.push(async () => stopping.abort());

    const consume = async (): Promise<void> => {
      await patience.until(
        'kafka',
        async () => {
          const { eventPartitions, replicationFactor } = config;
          await ensureTopics(kafka, { names: topics, eventPartitions, replicationFactor });
          await consumer.start({
            joined(assignment) {
              setMember(true);
              metrics.countRebalance();
              loop.begin(assignment);
              void loop.tick().catch(fail);
            },
            left() {
              setMember(false);
              loop.abandon();
            },
            take: async (batch) =>
              loop.take(batch).catch((error: unknown) => {
                fail(error);
                return false;
              }),
            crashed: fail,
          });
        },
        stopping.signal,
      );
    };
    void consume().catch((error: unknown) => {
      if (!stopping.signal.aborted) fail(error);
    });
    return { url, failed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Calls `work` again and again, one call at a time; gives what ends it. */
function repeat(everyMs: number, work: () => Promise<unknown>): () => Promise<void> {
  let working: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    working ??= work().finally(() => (working = undefined));
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await working;
  };
}
