import { AppError, isAppError } from '@facet/platform';
import type { PartitionRange } from '@facet/event-log';
import { causesOf, refusalOf } from './connection-refusals.ts';

/** Returns the type of the broker's error, wherever it is in the chain of causes. */
export function protocolErrorType(error: unknown): string | undefined {
  return causesOf(error).find(({ type }) => type !== undefined)?.type;
}

/**
 * Converts an error of Kafka. An `AppError` stays unchanged. Others become `EVENTS_LOG_UNTRUSTED`, `EVENTS_LOG_UNAUTHENTICATED` or
 * `EVENTS_LOG_FORBIDDEN` if they, or this client, refused it; else `EVENTS_LOG_UNREACHABLE`. All are retryable.
 *
 * @param cause The error of the broker, of the connection, or of a file for the connection.
 */
export function unreachable(problem: string, cause?: unknown): AppError {
  if (isAppError(cause)) return cause;
  const refusal = refusalOf(cause);
  const reason = cause instanceof Error ? `: ${refusal?.reason ?? cause.message}` : '';
  return new AppError(`${problem}${reason}.`, {
    ...(refusal ?? {
      code: 'EVENTS_LOG_UNREACHABLE',
      category: 'unavailable',
      remedy: `Check that the brokers run and that FACET_KAFKA_BROKERS has their addresses.${isCutOff(cause) ? listenerHint : ''}`,
    }),
    context: { type: protocolErrorType(cause) },
    retryable: true,
    cause,
  });
}

const listenerHint =
  ' Check that these listeners expect the settings FACET_KAFKA_TLS and FACET_KAFKA_SASL_MECHANISM of this process.';

/** A listener closes connections that do not speak its protocol, without saying why. */
function isCutOff(error: unknown): boolean {
  return causesOf(error).some(
    ({ name, message }) => name === 'KafkaJSConnectionClosedError' || message.includes('before secure TLS connection'),
  );
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
