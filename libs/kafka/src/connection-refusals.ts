import { tlsProblemOf } from '@facet/platform';

/** Why a broker, or this client, refuses a connection or a request until an operator changes a setting or a file. */
export interface Refusal {
  readonly code: string;
  readonly category: 'unavailable';
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
export function causesOf(error: unknown): readonly KafkaError[] {
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
    category: 'unavailable',
    reason: message.slice(noSocket.length).replace(/\.$/, ''),
    remedy:
      'Correct the files of FACET_KAFKA_CA_FILE, FACET_KAFKA_CERT_FILE and FACET_KAFKA_KEY_FILE. New connections read them again.',
  };
}

function untrusted({ code, broker = '' }: KafkaError): Refusal | undefined {
  const problem = tlsProblemOf(code, broker, 'FACET_KAFKA');
  if (problem?.refused !== 'server') return undefined;
  return { code: 'EVENTS_LOG_UNTRUSTED', category: 'unavailable', reason: problem.reason, remedy: problem.remedy };
}

function unauthenticated({ name, message, code, type, broker = '' }: KafkaError): Refusal | undefined {
  const refusal = (reason: string, remedy: string): Refusal => ({
    code: 'EVENTS_LOG_UNAUTHENTICATED',
    category: 'unavailable',
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
      category: 'unavailable',
      reason: 'no broker lets this client use the consumer group',
      remedy: `Check that the brokers run, and that the user may READ the group: ${permissionsPage}.`,
    };
  }
  if (type?.endsWith('AUTHORIZATION_FAILED') !== true) return undefined;
  return {
    code: 'EVENTS_LOG_FORBIDDEN',
    category: 'unavailable',
    reason: message,
    remedy: `Grant the user of this process the permissions in ${permissionsPage}.`,
  };
}
