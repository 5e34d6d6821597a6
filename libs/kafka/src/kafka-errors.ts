import { AppError, isAppError } from '@facet/platform';
import type { PartitionRange } from '@facet/event-log';
import type { RejectedRecord } from './publish-queue.ts';

/** Why Kafka refused or failed, from wherever in the chain of causes the broker's own answer stands. */
export function protocolErrorType(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type;
  }
  return undefined;
}

/** Something that needs the brokers did not happen; `cause` says what they, or the connection, said. */
export function unreachable(what: string, cause?: unknown): AppError {
  const reason = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new AppError(`${what}${reason}.`, {
    code: 'EVENTS_LOG_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check that the brokers run, and their addresses in FACET_KAFKA_BROKERS.',
    context: { type: protocolErrorType(cause) },
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

export function busy(queuedBytes: number): AppError {
  return new AppError('Too many records wait for Kafka.', {
    code: 'EVENTS_LOG_BUSY',
    category: 'unavailable',
    remedy: 'Send less, or try again later.',
    context: { queuedBytes },
    retryable: true,
  });
}

export function unknownTopic(topic: string): AppError {
  return new AppError(`Kafka has no topic ${topic}.`, {
    code: 'EVENTS_TOPIC_UNKNOWN',
    category: 'unavailable',
    remedy: 'Start the collector once, which makes the topics, or check FACET_TOPIC_PREFIX.',
    context: { topic },
    retryable: true,
  });
}

/** Some records of a publish can never be in the log; all others are. */
export function refusedRecords(refused: readonly RejectedRecord[]): AppError {
  const isTooLarge = refused.every(({ reason }) => tooLargeReasons.has(reason));
  const topics = [...new Set(refused.map(({ topic }) => topic))];
  const reasons = [...new Set(refused.map(({ reason }) => reason))];
  return new AppError(
    `${refused.length === 1 ? 'A record is' : `${refused.length} records are`} ${isTooLarge ? 'too large' : 'refused by Kafka'} for ${topics.join(', ')} (${reasons.join(', ')}).`,
    {
      code: isTooLarge ? 'EVENTS_RECORD_TOO_LARGE' : 'EVENTS_RECORD_REFUSED',
      category: 'input',
      remedy: isTooLarge
        ? 'Send less in one record, or raise max.message.bytes of the topic.'
        : 'Correct the records: the same ones will be refused again.',
      context: { indexes: refused.map(({ index }) => index), topics, reasons },
    },
  );
}

const tooLargeReasons: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** What brokers say of a record that they will not take however often it comes. */
export const refusalReasons: ReadonlySet<string> = new Set([...tooLargeReasons, 'INVALID_TIMESTAMP']);

/** Whether a batch could not be decompressed, as the client says it or as {@link unsupportedCodec} does. */
export function isCodecError(error: unknown): error is Error {
  return (
    error instanceof Error && (error.name === 'KafkaJSNotImplemented' || isAppError(error, 'EVENTS_CODEC_UNSUPPORTED'))
  );
}

export function unsupportedCodec(topic: string, at: PartitionRange | undefined, cause: Error): AppError {
  const codec = /^\w+/.exec(cause.message)?.[0] ?? 'unknown';
  const place = at === undefined ? '' : `, partition ${at.partition}, from about offset ${at.from} on,`;
  return new AppError(`${topic}${place} holds records compressed with ${codec}, which cannot be read here.`, {
    code: 'EVENTS_CODEC_UNSUPPORTED',
    category: 'input',
    remedy:
      'Let its producers use gzip or none, or set compression.type=gzip on the topic: brokers then convert what comes. ' +
      'Send what is there already again, and move the offset of the sink behind it.',
    context: { topic, partition: at?.partition, offset: at?.from, codec },
    cause,
  });
}

export function logTruncated(topic: string, range: PartitionRange, end: number): AppError {
  const { partition, from, to } = range;
  return new AppError(
    `${topic}, partition ${partition}, ends at offset ${end}, but was to be read from ${from} to ${to}.`,
    {
      code: 'EVENTS_LOG_TRUNCATED',
      category: 'artifact',
      remedy: 'Find out who has made the topic anew or cut it, and restore it, before anything is rebuilt from it.',
      context: { topic, partition, from, to, end },
    },
  );
}
