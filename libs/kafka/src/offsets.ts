import { handleWhen, IterableBackoff, retry } from 'cockatiel';
import type { Admin, KafkaJSError } from 'kafkajs';
import type { PartitionExtent } from '@facet/event-log';
import type { KafkaConnection } from './connect-kafka.ts';
import { unreachable } from './kafka-errors.ts';
import { listTopics, missingTopic } from './topics.ts';

/**
 * Returns the first offset and the end of each partition.
 *
 * @throws AppError `EVENTS_TOPIC_UNKNOWN`, `EVENTS_LOG_UNREACHABLE`
 */
export async function fetchExtents(kafka: KafkaConnection, topic: string): Promise<PartitionExtent[]> {
  const partitions = await query(kafka, topic, async (admin) => admin.fetchTopicOffsets(topic));
  return partitions
    .map(({ partition, low, high }) => ({ partition, start: Number(low), end: Number(high) }))
    .sort((a, b) => a.partition - b.partition);
}

/**
 * Returns, by partition, the first offset whose record has this time or a later one. Without such a record, the end.
 *
 * @throws AppError `EVENTS_TOPIC_UNKNOWN`, `EVENTS_LOG_UNREACHABLE`
 */
export async function fetchOffsetsAt(
  kafka: KafkaConnection,
  topic: string,
  time: number,
): Promise<ReadonlyMap<number, number>> {
  const partitions = await query(kafka, topic, async (admin) => admin.fetchTopicOffsetsByTimestamp(topic, time));
  return new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]));
}

/** Within these three seconds, the cluster knows the new leader of a partition. */
const newLeader = retry(handleWhen(isRetriable), {
  maxAttempts: 5,
  backoff: new IterableBackoff([200, 400, 600, 800, 1_000]),
});

async function query<T>(kafka: KafkaConnection, topic: string, ask: (admin: Admin) => Promise<T>): Promise<T> {
  try {
    const admin = await kafka.admin();
    // kafkajs would wait for an unknown topic, and every later request of this client would fail on it.
    if ((await listTopics(admin, [topic])).has(topic)) {
      return await newLeader.execute(({ attempt }) => (attempt === 0 ? ask(admin) : withNewClient(kafka, ask)));
    }
    throw await missingTopic(admin, topic);
  } catch (error) {
    throw unreachable(`The offsets of ${topic} could not be read`, error);
  }
}

/** A client that has cached the leader of a partition asks the same broker for minutes. A new client asks the new leader. */
async function withNewClient<T>(kafka: KafkaConnection, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.client.admin();
  try {
    await admin.connect();
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}

function isRetriable(error: unknown): boolean {
  return error instanceof Error && (error as Partial<KafkaJSError>).retriable === true;
}

const pattern = /^installation ([0-9a-f-]{36})$/;

/**
 * Returns the metadata of an offset that a sink of an installation commits. Kafka stores it with the offset, so it
 * needs neither a topic nor a further permission.
 */
export function installationMetadata(installationId: string): string {
  return `installation ${installationId}`;
}

/**
 * Reads the ids of the installations whose sinks have committed offsets of a consumer group.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE` (retryable)
 */
export async function readGroupInstallations(
  kafka: KafkaConnection,
  { groupId, topics }: { readonly groupId: string; readonly topics: readonly string[] },
): Promise<readonly string[]> {
  try {
    const admin = await kafka.admin();
    const known = await listTopics(admin, topics);
    const committed = await admin.fetchOffsets({ groupId, topics: topics.filter((topic) => known.has(topic)) });
    const offsets = committed.flatMap(({ partitions }) => partitions);
    return [...new Set(offsets.flatMap(({ metadata }) => pattern.exec(metadata ?? '')?.[1] ?? []))];
  } catch (error) {
    throw unreachable(`The offsets of the consumer group ${groupId} could not be read`, error);
  }
}
