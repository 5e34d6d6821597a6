import type { PartitionRange } from '@facet/event-log';
import { AppError, isAppError, tlsProblemOf } from '@facet/platform';

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
    category: 'unavailable',
    ...(refusal ?? {
      code: 'EVENTS_LOG_UNREACHABLE',
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
  /** The index of the record in the publish call. */
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
export const permanentRefusals: ReadonlySet<string> = new Set([...tooLargeReasons, 'INVALID_TIMESTAMP']);

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

/** Why a broker, or this client, refuses a connection or a request until an operator changes a setting or a file. */
interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly remedy: string;
}

/** The properties of kafkajs' errors that decide. */
interface KafkaError extends Error {
  /** Error code of Node for the socket. */
  readonly code?: string | number;
  /** Error type of the Kafka protocol. */
  readonly type?: string;
  /** Address of the broker, if the connection failed. */
  readonly broker?: string;
  /** Errors of several topics. */
  readonly errors?: readonly KafkaError[];
}

/** Returns the error, its cause, and so on. Follows the first one of several topics. */
function causesOf(error: unknown): readonly KafkaError[] {
  const causes: KafkaError[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 5;) {
    causes.push(cause);
    cause = (cause as KafkaError).errors?.[0] ?? cause.cause;
  }
  return causes;
}

/** Returns why the brokers refuse this client. */
export function refusalOf(error: unknown): Refusal | undefined {
  for (const cause of causesOf(error)) {
    const refusal = unreadable(cause) ?? untrusted(cause) ?? unauthenticated(cause) ?? forbidden(cause);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** kafkajs fails with this text only if it cannot create a socket: the files for TLS are missing or do not fit. */
const noSocket = 'Failed to connect: ';

function unreadable({ message }: KafkaError): Refusal | undefined {
  if (!message.startsWith(noSocket)) return undefined;
  return {
    code: 'EVENTS_LOG_UNREACHABLE',
    reason: message.slice(noSocket.length).replace(/\.$/, ''),
    remedy:
      'Correct the files of FACET_KAFKA_CA_FILE, FACET_KAFKA_CERT_FILE and FACET_KAFKA_KEY_FILE. New connections read them again.',
  };
}

function untrusted({ code, broker = '' }: KafkaError): Refusal | undefined {
  const problem = tlsProblemOf(code, broker, 'FACET_KAFKA');
  if (problem?.refused !== 'server') return undefined;
  return { code: 'EVENTS_LOG_UNTRUSTED', reason: problem.reason, remedy: problem.remedy };
}

function unauthenticated({ name, message, code, type, broker = '' }: KafkaError): Refusal | undefined {
  const refusal = (reason: string, remedy: string): Refusal => ({
    code: 'EVENTS_LOG_UNAUTHENTICATED',
    reason,
    remedy,
  });
  const problem = tlsProblemOf(code, broker, 'FACET_KAFKA');
  if (problem !== undefined) return refusal(problem.reason, problem.remedy);
  if (type === 'UNSUPPORTED_SASL_MECHANISM') {
    return refusal(message, 'Set FACET_KAFKA_SASL_MECHANISM to a mechanism that the brokers offer.');
  }
  if (type === 'ILLEGAL_SASL_STATE') {
    return refusal(
      'the brokers expect no authentication with SASL',
      'Unset FACET_KAFKA_SASL_MECHANISM, or use the SASL listener of the brokers in FACET_KAFKA_BROKERS.',
    );
  }
  if (name !== 'KafkaJSSASLAuthenticationError' && type !== 'SASL_AUTHENTICATION_FAILED') return undefined;
  return refusal(
    message,
    message.includes('OAUTHBEARER')
      ? 'Write a valid token to FACET_KAFKA_TOKEN_FILE.'
      : 'Check FACET_KAFKA_USER, and the password in FACET_KAFKA_PASSWORD_FILE.',
  );
}

const permissionsPage = 'docs/connections.md#encrypt-and-authenticate-connections';

function forbidden({ name, message, type }: KafkaError): Refusal | undefined {
  if (name === 'KafkaJSGroupCoordinatorNotFound') {
    // kafkajs does not pass on why.
    return {
      code: 'EVENTS_LOG_UNREACHABLE',
      reason: 'no broker lets this client use the consumer group',
      remedy: `Check that the brokers run, and that the user may READ the group: ${permissionsPage}.`,
    };
  }
  if (type?.endsWith('AUTHORIZATION_FAILED') !== true) return undefined;
  return {
    code: 'EVENTS_LOG_FORBIDDEN',
    reason: message,
    remedy: `Grant the user of this process the permissions in ${permissionsPage}.`,
  };
}
