import { AppError } from '@facet/platform';
import type { PartitionRange } from '@facet/event-log';

/** Returns the type of the broker's error, wherever it is in the chain of causes. */
export function protocolErrorType(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type;
  }
  return undefined;
}

/** Returns the error of an operation that needs the brokers; `cause` is the error of the broker or of the connection. */
export function unreachable(problem: string, cause?: unknown): AppError {
  const reason = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new AppError(`${problem}${reason}.`, {
    code: 'EVENTS_LOG_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check that the brokers run and that FACET_KAFKA_BROKERS has their addresses.',
    context: { type: protocolErrorType(cause) },
    retryable: true,
    cause,
  });
}

export function busy(pendingBytes: number): AppError {
  return new AppError(`${pendingBytes} bytes of records are waiting for Kafka.`, {
    code: 'EVENTS_LOG_BUSY',
    category: 'unavailable',
    remedy: 'Publish less at a time, or try again later.',
    context: { pendingBytes },
    retryable: true,
  });
}

export function unknownTopic(topic: string): AppError {
  return new AppError(`Kafka has no topic ${topic}.`, {
    code: 'EVENTS_TOPIC_UNKNOWN',
    category: 'unavailable',
    remedy: 'Start the collector once to create the topics, or check FACET_TOPIC_PREFIX.',
    context: { topic },
    retryable: true,
  });
}

/** A record that the brokers do not accept. */
export interface RejectedRecord {
  readonly topic: string;
  /** The place of the record in the publish call. */
  readonly index: number;
  /** The error type of the Kafka protocol, such as `MESSAGE_TOO_LARGE`. */
  readonly reason: string;
}

/** Returns the error of a publish call of which the brokers refused some records and acknowledged all others. */
export function refusedRecords(refused: readonly RejectedRecord[]): AppError {
  const isTooLarge = refused.every(({ reason }) => tooLargeReasons.has(reason));
  const topics = [...new Set(refused.map(({ topic }) => topic))];
  const reasons = [...new Set(refused.map(({ reason }) => reason))];
  const records = refused.length === 1 ? '1 record' : `${refused.length} records`;
  const problem = isTooLarge ? 'too large for' : 'refused by';
  return new AppError(`${records} ${problem} ${topics.join(', ')} (${reasons.join(', ')}).`, {
    code: isTooLarge ? 'EVENTS_RECORD_TOO_LARGE' : 'EVENTS_RECORD_REFUSED',
    category: 'input',
    remedy: isTooLarge
      ? 'Send less in one record, or raise max.message.bytes of the topic.'
      : 'Correct the records. Kafka will refuse the same records again.',
    context: { indexes: refused.map(({ index }) => index), topics, reasons },
  });
}

const tooLargeReasons: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** Errors of brokers that refuse a record permanently. */
export const refusalReasons: ReadonlySet<string> = new Set([...tooLargeReasons, 'INVALID_TIMESTAMP']);

export function logTruncated(topic: string, range: PartitionRange, end: number): AppError {
  const { partition, from, to } = range;
  return new AppError(
    `${topic}, partition ${partition}, ends at offset ${end}, but the range to read is ${from} to ${to}.`,
    {
      code: 'EVENTS_LOG_TRUNCATED',
      category: 'artifact',
      remedy: 'Find out who recreated or truncated the topic, and restore it before you rebuild anything from it.',
      context: { topic, partition, from, to, end },
    },
  );
}
