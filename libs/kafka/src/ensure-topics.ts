import type { ITopicConfig } from 'kafkajs';
import { createTopics } from './create-topics.ts';
import { unreachable } from './kafka-errors.ts';
import type { KafkaConnection } from './connect-kafka.ts';
import type { TopicNames } from './topics.ts';

export interface EnsureTopicsOptions {
  readonly names: TopicNames;
  /** Bounds how many sinks work side by side. Raising it later breaks the order of a user's events around that moment. */
  readonly eventPartitions?: number;
  /** Copies of each record. From 3 on, two of them must have it before it is acknowledged. */
  readonly replicationFactor?: number;
  /** How long events stay in the log, and with them how far back the lake can be rebuilt. */
  readonly eventRetentionDays?: number;
}

const dayMs = 24 * 60 * 60 * 1000;
/** Long enough to notice, to fix the cause and to redrive. */
const deadLetterRetentionDays = 90;

/**
 * Creates the topics that are missing; those that exist keep their settings. Returns the names of the created ones.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE` when no broker answers or a topic cannot be created.
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
      // Brokers then convert what other producers send in codecs that Node cannot read.
      'compression.type': 'gzip',
    }).map(([name, value]) => ({ name, value })),
  });
  const kept = (days: number) => ({ 'cleanup.policy': 'delete', 'retention.ms': String(days * dayMs) });
  const topics = [
    shape(names.events, eventPartitions, kept(eventRetentionDays)),
    shape(names.items, 1, { 'cleanup.policy': 'compact' }),
    shape(names.users, 1, { 'cleanup.policy': 'compact' }),
    shape(names.erasures, 1, { 'cleanup.policy': 'delete', 'retention.ms': '-1' }),
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
    throw unreachable('The topics cannot be made', error);
  }
}
