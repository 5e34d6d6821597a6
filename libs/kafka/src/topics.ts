import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';
import { dayMs, hourMs } from '@facet/platform';
import type { AppError } from '@facet/platform';
import type { KafkaConnection } from './connect-kafka.ts';
import { protocolErrorType, unknownTopic, unreachable } from './kafka-errors.ts';

/** The topics through which the apps exchange data. Names carry the version of the wire format. */
export interface TopicNames {
  /** Events, keyed by user or session. */
  readonly events: string;
  /** Items by id, compacted; a null value deletes the item. */
  readonly items: string;
  /** Users by id, compacted; a null value deletes the user. */
  readonly users: string;
  readonly erasures: string;
  /** Counts of events that the ingest accepted and refused. */
  readonly intake: string;
  readonly deadLetters: string;
}

/** Returns the topics of one installation. The prefix lets several installations share a cluster. */
export function topicNames(prefix = 'facet'): TopicNames {
  return {
    events: `${prefix}.events.v1`,
    items: `${prefix}.items.v1`,
    users: `${prefix}.users.v1`,
    erasures: `${prefix}.erasures.v1`,
    intake: `${prefix}.intake.v1`,
    deadLetters: `${prefix}.dead-letters.v1`,
  };
}

export interface EnsureTopicsOptions {
  readonly names: TopicNames;
  /** Limits how many sinks share the work. Raising the number later breaks the order of a user's events once. */
  readonly eventPartitions?: number;
  /** Copies of each record. With 3 or more, two replicas must have a record before the broker acknowledges it. */
  readonly replicationFactor?: number;
  /** Retention of events in Kafka, which limits how far back the lake can be rebuilt. */
  readonly eventRetentionDays?: number;
}

/** Time to notice dead letters, to fix their cause and to redrive them. */
const deadLetterRetentionDays = 90;
/** Erasures stay longer than any event or dead letter that they cover. The lake keeps a keyed hash of the user forever. */
const erasureMarginDays = 60;

/**
 * Creates missing topics and returns their names. Existing topics keep their settings.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE` when no broker responds or a topic cannot be created.
 */
export async function ensureTopics(kafka: KafkaConnection, options: EnsureTopicsOptions): Promise<readonly string[]> {
  const { names, eventPartitions = 6, replicationFactor = 1, eventRetentionDays = 30 } = options;
  const shape = (topic: string, numPartitions: number, configs: Readonly<Record<string, string>>): ITopicConfig => ({
    topic,
    numPartitions,
    replicationFactor,
    configEntries: Object.entries({
      ...configs,
      'min.insync.replicas': String(replicationFactor >= 3 ? 2 : 1),
      // Brokers convert records of other producers to the codec that Node reads fastest.
      'compression.type': 'gzip',
      // The version of an item or user with the latest time is current, so times in the future do harm. Before Kafka 4.0, the default has no limit.
      'message.timestamp.after.max.ms': String(hourMs),
    }).map(([name, value]) => ({ name, value })),
  });
  const kept = (days: number) => ({ 'cleanup.policy': 'delete', 'retention.ms': String(days * dayMs) });
  const topics = [
    shape(names.events, eventPartitions, kept(eventRetentionDays)),
    shape(names.items, 1, { 'cleanup.policy': 'compact' }),
    // An erased user's record disappears after this time.
    shape(names.users, 1, { 'cleanup.policy': 'compact', 'max.compaction.lag.ms': String(7 * dayMs) }),
    shape(names.erasures, 1, kept(eventRetentionDays + deadLetterRetentionDays + erasureMarginDays)),
    shape(names.intake, 1, kept(eventRetentionDays)),
    shape(names.deadLetters, 1, kept(deadLetterRetentionDays)),
  ];
  try {
    const admin = await kafka.admin();
    const existing = new Set(await admin.listTopics());
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    await createTopics(admin, missing);
    return missing.map(({ topic }) => topic);
  } catch (error) {
    throw unreachable('The topics could not be created', error);
  }
}

const leaderPollMs = 50;
const leaderWaitMs = 15_000;

/**
 * Creates topics and waits until their partitions have leaders. kafkajs can wait too, but fails when a broker does not
 * know a new topic yet.
 *
 * @throws Error of kafkajs, except for a topic that another process has created in the meantime.
 */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  if (topics.length === 0) return;
  await admin.createTopics({ topics: [...topics], waitForLeaders: false });
  const names = topics.map(({ topic }) => topic);
  for (const end = Date.now() + leaderWaitMs; Date.now() < end; await sleep(leaderPollMs)) {
    if (await haveLeaders(admin, names)) return;
  }
  throw new Error(`the partitions of ${names.join(', ')} have no leaders after ${leaderWaitMs} ms`);
}

/** Reads the metadata of all topics, because a broker that does not know a new topic yet rejects a request for its name. */
async function haveLeaders(admin: Admin, names: readonly string[]): Promise<boolean> {
  const { topics } = await admin.fetchTopicMetadata();
  return names.every((name) => {
    const partitions = topics.find((topic) => topic.name === name)?.partitions ?? [];
    return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
  });
}

const listingsMax = 3;
const listingPauseMs = 200;

/** Lists the topics of the cluster. Asks again while some of `wanted` are missing: not every broker knows a new topic yet. */
export async function listTopics(admin: Admin, wanted: readonly string[]): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for (let listings = 0; listings < listingsMax && !wanted.every((topic) => known.has(topic)); listings++) {
    if (listings > 0) await sleep(listingPauseMs);
    for (const topic of await admin.listTopics()) known.add(topic);
  }
  return known;
}

/** Returns the error of a topic that the cluster does not list: it does not exist, or the user may not see it. */
export async function missingTopic(admin: Admin, topic: string): Promise<AppError> {
  const error = await admin.fetchTopicMetadata({ topics: [topic] }).catch((error: unknown) => error);
  return protocolErrorType(error) === 'TOPIC_AUTHORIZATION_FAILED'
    ? unreachable(`Kafka does not show the topic ${topic}`, error)
    : unknownTopic(topic);
}
