import type { KafkaConnection } from './connect-kafka.ts';
import { unreachable } from './kafka-errors.ts';
import { listTopics } from './topics.ts';

const pattern = /^installation ([0-9a-f-]{36})$/;

/**
 * Returns the metadata of an offset that a sink of an installation commits. Kafka stores it with the offset, so it
 * needs neither a topic nor a further permission.
 */
export function installationMetadata(installationId: string): string {
  return `installation ${installationId}`;
}

/**
 * Returns the ids of the installations whose sinks have committed offsets of a consumer group.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE` (retryable)
 */
export async function readGroupInstallations(
  kafka: KafkaConnection,
  { groupId, topics }: { readonly groupId: string; readonly topics: readonly string[] },
): Promise<string[]> {
  try {
    const admin = await kafka.admin();
    const known = await listTopics(admin, topics);
    const committed = await admin.fetchOffsets({ groupId, topics: topics.filter((topic) => known.has(topic)) });
    const ids = committed.flatMap(({ partitions }) =>
      partitions.flatMap(({ metadata }) => pattern.exec(metadata ?? '')?.[1] ?? []),
    );
    return [...new Set(ids)];
  } catch (error) {
    throw unreachable(`The offsets of the consumer group ${groupId} could not be read`, error);
  }
}
