import { readSecret, tlsOptions } from '@facet/platform';
import type { Logger, TlsFiles } from '@facet/platform';
import { timeout, TimeoutStrategy } from 'cockatiel';
import { Kafka, logLevel } from 'kafkajs';
import type { Admin, AuthenticationProviderArgs, KafkaConfig, LogEntry, Mechanism, SASLOptions } from 'kafkajs';
import { replaceDecoder } from './record-batches.ts';

export interface KafkaOptions extends ClientSecurity {
  /** `host:port` of at least one broker of the cluster. */
  readonly brokers: readonly string[];
  /** Identifies this process in the brokers' logs and quotas. */
  readonly clientId: string;
  /** Without a logger, kafkajs logs nothing. */
  readonly logger?: Logger;
}

/** The client settings and the admin connection that publishers, readers and consumers of one process share. */
export interface KafkaConnection {
  readonly client: Kafka;
  readonly clientId: string;
  readonly logger: Logger | undefined;
  /** Returns the admin client. Connects on the first call. */
  admin(): Promise<Admin>;
  close(): Promise<void>;
}

/** Longer than brokers wait for their replicas, so that the broker responds first. Fetches and group joins add their own wait. */
const requestTimeoutMs = 15_000;
const connectionTimeoutMs = 3_000;

/** kafkajs' own defaults differ under NODE_ENV=test. A broker fails over within 10 seconds. */
export const clientRetry = { retries: 8, initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 1_000 };

/** Rejects when the promise of a call takes longer than `ms`. The call itself continues. */
export const within = (ms: number) => timeout(ms, TimeoutStrategy.Aggressive);

/** Unresponsive brokers would delay closing by a full request timeout. */
const closing = within(2_000);

/** Creates a connection that connects on first use, so that a process starts while Kafka is away. */
export function connectKafka({ brokers, clientId, logger, ...security }: KafkaOptions): KafkaConnection {
  replaceDecoder();
  const client = new Kafka({
    brokers: [...brokers],
    clientId,
    ...clientSecurity(security),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry: clientRetry,
    logLevel: logger === undefined ? logLevel.NOTHING : logLevel.INFO,
    logCreator: () => logTo(logger),
  });
  let connecting: Promise<Admin> | undefined;
  return {
    client,
    clientId,
    logger,
    async admin() {
      connecting ??= connectAdmin(client);
      try {
        return await connecting;
      } catch (error) {
        connecting = undefined;
        throw error;
      }
    },
    async close() {
      const disconnecting = connecting?.then((admin) => admin.disconnect());
      connecting = undefined;
      await closing.execute(() => disconnecting).catch(() => undefined);
    },
  };
}

async function connectAdmin(client: Kafka): Promise<Admin> {
  const admin = client.admin();
  try {
    await admin.connect();
    return admin;
  } catch (error) {
    await admin.disconnect();
    throw error;
  }
}

/** Interval of logging the same failure. During an outage, kafkajs logs several attempts a second. */
const sameFailureMs = 60_000;
const failuresMax = 1_000;

/** Returns a kafkajs log handler: retried failures as warnings, the rest as debug. */
function logTo(logger: Logger | undefined): (entry: LogEntry) => void {
  const failures = new Map<string, { readonly at: number; repeats: number }>();
  return ({ namespace, level, log }) => {
    if (level !== logLevel.ERROR) {
      logger?.debug({ namespace, ...log }, 'kafkajs');
      return;
    }
    // The pause before the next attempt is random.
    const message = log.message.replace(/\d+ ?ms\b/g, 'N ms');
    const failure = `${namespace} ${message} ${String(log['broker'])}`;
    const logged = failures.get(failure);
    if (logged !== undefined && Date.now() - logged.at < sameFailureMs) {
      logged.repeats++;
      return;
    }
    if (failures.size === failuresMax) failures.clear();
    failures.set(failure, { at: Date.now(), repeats: 0 });
    const repeated = logged?.repeats ?? 0;
    logger?.warn({ namespace, ...log, ...(repeated > 0 && { repeated }) }, 'kafkajs');
  };
}

/** How a client proves to brokers who it is. The file is read for each authentication. */
export type SaslCredentials = PasswordCredentials | TokenCredentials;

interface PasswordCredentials {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly user: string;
  readonly passwordFile: string;
}

interface TokenCredentials {
  readonly mechanism: 'OAUTHBEARER';
  readonly tokenFile: string;
}

export interface ClientSecurity {
  /** Without it, connections are in plain text. */
  readonly tls?: TlsFiles | undefined;
  /** Without it, a client has no identity, or that of its certificate. */
  readonly sasl?: SaslCredentials | undefined;
}

/** Returns the settings of kafkajs. It reads `ssl` for each connection, and `password` for each authentication. */
function clientSecurity({ tls, sasl }: ClientSecurity): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(tls === undefined ? {} : { ssl: tlsOptions(tls) }),
    ...(sasl === undefined ? {} : { sasl: sasl.mechanism === 'OAUTHBEARER' ? token(sasl) : password(sasl) }),
  };
}

function password({ mechanism, user, passwordFile }: PasswordCredentials): SASLOptions {
  const credentials = {
    mechanism: mechanism.toLowerCase(),
    username: user,
    get password() {
      return readSecret(passwordFile);
    },
  };
  return credentials as SASLOptions;
}

/** kafkajs' own OAUTHBEARER ignores the refusal of the broker, and retries requests that the broker does not answer. */
function token({ tokenFile }: TokenCredentials): Mechanism {
  return {
    mechanism: 'OAUTHBEARER',
    authenticationProvider: ({ saslAuthenticate }: AuthenticationProviderArgs) => ({
      async authenticate() {
        const text = Buffer.from(`n,,\u0001auth=Bearer ${readSecret(tokenFile)}\u0001\u0001`);
        const length = Buffer.alloc(4);
        length.writeInt32BE(text.length);
        const refusal = await saslAuthenticate({
          request: { encode: () => Buffer.concat([length, text]) },
          // After its length, the response has the reason of a refusal.
          response: { decode: (response) => response.subarray(4), parse: (reason) => reason.toString() },
        });
        if (!refusal) return;
        const message = `SASL OAUTHBEARER authentication failed: ${refusal}`;
        throw Object.assign(new Error(message), { type: 'SASL_AUTHENTICATION_FAILED', retriable: false });
      },
    }),
  };
}
