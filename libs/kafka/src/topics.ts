import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';
import { dayMs, hourMs } from '@facet/platform';
import type { AppError } from '@facet/platform';
import type { KafkaConnection } from './connect-kafka.ts';
import { protocolErrorType, unknownTopic, unreachable } from './kafka-errors.ts';

/** The retention of events, which limits how far back the lake can be rebuilt. */
const eventDays = 30;
/** Time to notice dead letters, to fix their cause and to redrive them. */
const deadLetterDays = 90;
/** Erasures stay longer than any event or dead letter that they cover. The lake keeps a keyed hash of the user forever. */
const erasureMarginDays = 60;

/** What Facet does with a topic. */
interface Topic {
  /** The name after the prefix of the installation, with the version of the wire format. */
  readonly suffix: `${string}.v${number}`;
  /** What identifies a record. */
  readonly key: string;
  /** The app that writes the topic. A company's own producers can also write to the topics of the ingest. */
  readonly writer: 'ingest' | 'sink';
  /** The store that records the offsets of the sink. Undefined for a topic that the sink does not read. */
  readonly offsetOwner?: 'lake' | 'catalog';
  /** Kafka deletes records after some days, or keeps the latest record of each key. */
  readonly retention: { readonly days: number } | { readonly compactedWithinDays: number | 'any time' };
  /** Whether records are ordered by key only, so that several sinks can share the work. */
  readonly isPartitioned?: true;
  /** Whether records can contain the id of a user, so that `facet erasures verify` searches them. */
  readonly namesUsers: boolean;
}

/**
 * The topics through which the apps exchange data. Their creation, the handlers of the sink, the search for a user and the table in
 * docs/collector.md derive from this table.
 */
export const topics = {
  events: {
    suffix: 'events.v1',
    key: 'user or session',
    writer: 'ingest',
    offsetOwner: 'lake',
    retention: { days: eventDays },
    isPartitioned: true,
    namesUsers: true,
  },
  // A null value deletes the item.
  items: {
    suffix: 'items.v1',
    key: 'item',
    writer: 'ingest',
    offsetOwner: 'catalog',
    retention: { compactedWithinDays: 'any time' },
    namesUsers: false,
  },
  // A null value deletes the user. An erased user's record disappears within the days.
  users: {
    suffix: 'users.v1',
    key: 'user',
    writer: 'ingest',
    offsetOwner: 'catalog',
    retention: { compactedWithinDays: 7 },
    namesUsers: true,
  },
  erasures: {
    suffix: 'erasures.v1',
    key: 'user',
    writer: 'ingest',
    offsetOwner: 'lake',
    retention: { days: eventDays + deadLetterDays + erasureMarginDays },
    namesUsers: true,
  },
  // Counts of events that the ingest accepted and refused.
  intake: {
    suffix: 'intake.v1',
    key: 'none',
    writer: 'ingest',
    offsetOwner: 'lake',
    retention: { days: eventDays },
    namesUsers: false,
  },
  deadLetters: {
    suffix: 'dead-letters.v1',
    key: 'topic, partition and offset',
    writer: 'sink',
    retention: { days: deadLetterDays },
    namesUsers: true,
  },
} as const satisfies Readonly<Record<string, Topic>>;

/** A topic, independent of the prefix of an installation. */
export type TopicKey = keyof typeof topics;

/** A topic that the sink reads. */
export type SinkTopic = {
  [Key in TopicKey]: (typeof topics)[Key] extends { readonly offsetOwner: string } ? Key : never;
}[TopicKey];

const entries = Object.entries(topics) as [TopicKey, Topic][];

/** The names of the topics of one installation. */
export type TopicNames = Readonly<Record<TopicKey, string>>;

/** Returns the topics of one installation. The prefix lets several installations share a cluster. */
export function topicNames(prefix = 'facet'): TopicNames {
  return Object.fromEntries(entries.map(([key, { suffix }]) => [key, `${prefix}.${suffix}`])) as Record<
    TopicKey,
    string
  >;
}

/** Returns the name of the consumer group of the sinks. */
export function sinkGroupOf(topicPrefix: string): string {
  return `${topicPrefix}-sink`;
}

/** Returns whether records of a topic with this name can contain the id of a user. A topic of another producer can. */
export function isTopicOfUsers(name: string): boolean {
  return entries.find(([, { suffix }]) => name.endsWith(`.${suffix}`))?.[1].namesUsers ?? true;
}

export interface EnsureTopicsOptions {
  readonly names: TopicNames;
  /** Limits how many sinks share the work. Raising the number later breaks the order of a user's events once. */
  readonly eventPartitions?: number;
  /** Copies of each record. With 3 or more, two replicas must have a record before the broker acknowledges it. */
  readonly replicationFactor?: number;
}

/**
 * Creates missing topics and returns their names. Existing topics keep their settings.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE` when no broker responds or a topic cannot be created.
 */
export async function ensureTopics(kafka: KafkaConnection, options: EnsureTopicsOptions): Promise<readonly string[]> {
  const { names, eventPartitions = 6, replicationFactor = 1 } = options;
  const shared = {
    'min.insync.replicas': replicationFactor >= 3 ? 2 : 1,
    // Brokers convert records of other producers to the codec that Node reads fastest.
    'compression.type': 'gzip',
    // The version of an item or user with the latest time is current, so times in the future do harm. Before Kafka 4.0, the default has no limit.
    'message.timestamp.after.max.ms': hourMs,
  };
  try {
    const admin = await kafka.admin();
    const existing = new Set(await admin.listTopics());
    const missing = entries
      .filter(([key]) => !existing.has(names[key]))
      .map(([key, { retention, isPartitioned = false }]) => ({
        topic: names[key],
        numPartitions: isPartitioned ? eventPartitions : 1,
        replicationFactor,
        configEntries: Object.entries({ ...retentionSettings(retention), ...shared }).map(([name, value]) => ({
          name,
          value: String(value),
        })),
      }));
    await createTopics(admin, missing);
    return missing.map(({ topic }) => topic);
  } catch (error) {
    throw unreachable('The topics could not be created', error);
  }
}

function retentionSettings(retention: Topic['retention']): Readonly<Record<string, string | number>> {
  if ('days' in retention) return { 'cleanup.policy': 'delete', 'retention.ms': retention.days * dayMs };
  const { compactedWithinDays } = retention;
  if (compactedWithinDays === 'any time') return { 'cleanup.policy': 'compact' };
  return { 'cleanup.policy': 'compact', 'max.compaction.lag.ms': compactedWithinDays * dayMs };
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
