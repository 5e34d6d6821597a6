import { connectKafka, topicNames } from '@facet/kafka';
import type { KafkaConnection, TopicNames } from '@facet/kafka';
import { AppError } from '@facet/platform';
import type { CommandContext, CommonOptions } from './command-context.ts';

/** Which Kafka a command speaks to. */
export interface LogOptions extends Omit<CommonOptions, 'home'> {
  readonly brokers?: string[];
  readonly topicPrefix?: string;
}

/** Runs `command` with a connection that is closed afterwards. */
export async function withLog<Result>(
  options: LogOptions,
  { environment }: Pick<CommandContext, 'environment'>,
  command: (kafka: KafkaConnection, names: TopicNames) => Promise<Result>,
): Promise<Result> {
  const brokers = options.brokers ?? environment.kafkaBrokers;
  const names = topicNames(options.topicPrefix ?? environment.topicPrefix);
  const kafka = connectKafka({ brokers, clientId: 'facet-cli' });
  try {
    return await command(kafka, names);
  } finally {
    await kafka.close();
  }
}

/**
 * Makes sure that no sink works on what a command is about to replace.
 *
 * @throws AppError `CLI_SINK_RUNNING`, `EVENTS_LOG_UNREACHABLE`.
 */
export async function refuseWhileSinksRun(
  kafka: KafkaConnection,
  options: LogOptions,
  { environment }: Pick<CommandContext, 'environment'>,
): Promise<void> {
  const groupId = `${options.topicPrefix ?? environment.topicPrefix}-sink`;
  const members = await countMembers(kafka, groupId);
  if (members === 0) return;
  throw new AppError(`${members === 1 ? 'A sink is' : `${members} sinks are`} at work in the group ${groupId}.`, {
    code: 'CLI_SINK_RUNNING',
    category: 'conflict',
    remedy: 'Stop every collector sink, and run this again. One that was killed is counted until its session is over.',
    context: { groupId, members },
    retryable: true,
  });
}

async function countMembers(kafka: KafkaConnection, groupId: string): Promise<number> {
  try {
    const admin = await kafka.admin();
    const { groups } = await admin.describeGroups([groupId]);
    return groups[0]?.members.length ?? 0;
  } catch (error) {
    throw new AppError(`Kafka does not tell who is in the group ${groupId}: ${(error as Error).message}.`, {
      code: 'EVENTS_LOG_UNREACHABLE',
      category: 'unavailable',
      remedy: 'Check that the brokers run, and their addresses in FACET_KAFKA_BROKERS.',
      retryable: true,
      cause: error,
    });
  }
}
