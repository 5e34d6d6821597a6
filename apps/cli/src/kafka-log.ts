import { parseKafkaSettings } from '@facet/config/connections';
import { connectKafka, sinkGroupOf, topicNames, unreachable } from '@facet/kafka';
import type { KafkaConnection, TopicNames } from '@facet/kafka';
import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from './command.ts';

/** The Kafka cluster of a command. */
export interface KafkaOptions extends Omit<CommonOptions, 'home'> {
  readonly brokers?: string;
  readonly topicPrefix?: string;
}

/** Connects to Kafka, calls `command`, and closes the connection. */
export async function withKafka<Result>(
  options: KafkaOptions,
  { environment }: Pick<CommandContext, 'environment'>,
  command: (kafka: KafkaConnection, names: TopicNames) => Promise<Result>,
): Promise<Result> {
  const settings = parseKafkaSettings({
    ...environment.inherited,
    ...(options.brokers === undefined ? {} : { FACET_KAFKA_BROKERS: options.brokers }),
  });
  const names = topicNames(options.topicPrefix ?? environment.topicPrefix);
  const kafka = connectKafka({ ...settings, clientId: 'facet-cli' });
  try {
    return await command(kafka, names);
  } finally {
    await kafka.close();
  }
}

/** Returns the consumer group of the sinks. */
export function groupOf({ topicPrefix }: KafkaOptions, { environment }: Pick<CommandContext, 'environment'>): string {
  return sinkGroupOf(topicPrefix ?? environment.topicPrefix);
}

/**
 * Refuses to continue while sinks write to the data that the command replaces.
 *
 * @throws AppError `CLI_SINK_RUNNING`, `EVENTS_LOG_UNREACHABLE`.
 */
export async function refuseWhileSinksRun(
  kafka: KafkaConnection,
  options: KafkaOptions,
  context: Pick<CommandContext, 'environment'>,
): Promise<void> {
  const groupId = groupOf(options, context);
  const members = await countMembers(kafka, groupId);
  if (members === 0) return;
  throw new AppError(
    `${members === 1 ? 'A sink is' : `${members} sinks are`} running in the consumer group ${groupId}.`,
    {
      code: 'CLI_SINK_RUNNING',
      category: 'conflict',
      remedy:
        'Stop every collector sink, then run the command again. Kafka counts a killed sink until its session expires.',
      context: { groupId, members },
      retryable: true,
    },
  );
}

async function countMembers(kafka: KafkaConnection, groupId: string): Promise<number> {
  try {
    const admin = await kafka.admin();
    const { groups } = await admin.describeGroups([groupId]);
    return groups[0]?.members.length ?? 0;
  } catch (error) {
    throw unreachable(`Kafka could not list the consumer group ${groupId}`, error);
  }
}
