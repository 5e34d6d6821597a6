import { countedField } from '@facet/schemas';
import type { LakeWriter } from '@facet/lake';
import type { IntakeCount, RefusalReason } from '@facet/schemas';
import { deadLetter, deadLetterRecord } from '@facet/kafka';
import type { Publisher, TopicNames } from '@facet/kafka';
import { dayMs, utcDay } from '@facet/platform';
import type { LogMessage } from './group-consumer.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { SinkMetrics } from './sink-metrics.ts';
import type { PartitionPosition } from './sink-state.ts';

/** An invalid message and the reason. */
export interface RefusedMessage {
  readonly message: LogMessage;
  /** The invalid field; empty for the whole message. */
  readonly field: string;
  readonly reason: RefusalReason;
}

/** Publishes invalid messages to the dead-letter topic, so that they neither block the sink nor vanish. */
export interface DeadLetters {
  /** Resolves when Kafka has the dead letters. A crash before the offset is stored publishes them again. */
  put(position: Readonly<PartitionPosition>, refused: readonly RefusedMessage[], signal: AbortSignal): Promise<void>;
}

export interface DeadLettersDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly lake: Pick<LakeWriter, 'addIntake'>;
  readonly retryPolicy: RetryPolicy;
  readonly metrics: SinkMetrics;
  readonly now: () => number;
}

export function createDeadLetters(
  deps: DeadLettersDeps,
  topics: Pick<TopicNames, 'deadLetters' | 'events'>,
): DeadLetters {
  const { publisher, lake, retryPolicy, metrics, now } = deps;
  return {
    async put(position, refused, signal) {
      if (refused.length === 0) return;
      const records = refused.map(({ message, field, reason }) => {
        const { key, value, undecodable } = message;
        const place = { ...position, offset: Number(message.offset), timestamp: Number(message.timestamp) };
        return deadLetterRecord(
          topics.deadLetters,
          deadLetter({ ...place, key, value, undecodable }, { field, reason }, now()),
        );
      });
      await retryPolicy.retry('kafka', () => publisher.publish(records), signal);
      // Data health measures the intake of events only.
      if (position.topic === topics.events) lake.addIntake(countRefusals(position.topic, refused, now()));
      for (const [reason, count] of countReasons(refused)) metrics.countDeadLetters(position.topic, reason, count);
    },
  };
}

/** Counts refusals that the ingest did not see, because a company's own producers write to the topic. */
function countRefusals(topic: string, refused: readonly RefusedMessage[], now: number): IntakeCount[] {
  const byKind = new Map<string, IntakeCount>();
  for (const { message, field: given, reason } of refused) {
    const time = Number(message.timestamp);
    // A producer can send any timestamp.
    const day = utcDay(time >= 0 && time <= now + dayMs ? time : now);
    const field = countedField(given);
    const kind = JSON.stringify([day, field, reason]);
    const count = (byKind.get(kind)?.count ?? 0) + 1;
    byKind.set(kind, { day, producer: `topic:${topic}`, outcome: 'refused', field, reason, count });
  }
  return [...byKind.values()];
}

function countReasons(refused: readonly RefusedMessage[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { reason } of refused) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
