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

/** The installations whose sinks have committed offsets of a consumer group. */
export interface GroupInstallations {
  readonly installationIds: readonly string[];
  /** Whether the group has read records, but only with sinks that stored no id. */
  readonly isUnnamed: boolean;
}

/**
 * Reads the installations of a consumer group.
 *
 * @throws AppError `EVENTS_LOG_UNREACHABLE` (retryable)
 */
export async function readGroupInstallations(
  kafka: KafkaConnection,
  { groupId, topics }: { readonly groupId: string; readonly topics: readonly string[] },
): Promise<GroupInstallations> {
  try {
    const admin = await kafka.admin();
    const known = await listTopics(admin, topics);
    const committed = await admin.fetchOffsets({ groupId, topics: topics.filter((topic) => known.has(topic)) });
    const offsets = committed.flatMap(({ partitions }) => partitions);
    const ids = new Set(offsets.flatMap(({ metadata }) => pattern.exec(metadata ?? '')?.[1] ?? []));
    return {
      installationIds: [...ids],
      isUnnamed: ids.size === 0 && offsets.some(({ offset }) => Number(offset) > 0),
    };
  } catch (error) {
    throw unreachable(`The offsets of the consumer group ${groupId} could not be read`, error);
  }
}
