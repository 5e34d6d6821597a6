import { Kafka, logLevel } from 'kafkajs';
import type { Admin, LogEntry } from 'kafkajs';
import type { Logger } from '@facet/platform';
import { withDeadline } from './with-deadline.ts';

export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster. */
  readonly brokers: readonly string[];
  /** Names this process in the brokers' logs and quotas. */
  readonly clientId: string;
  /** Without one, the client library is silent. */
  readonly logger?: Logger;
}

/** What publishers, readers and consumers of one process share: the settings of the client, and one admin connection. */
export interface KafkaConnection {
  readonly client: Kafka;
  readonly clientId: string;
  readonly logger: Logger | undefined;
  /** The admin client, connected at its first use. */
  admin(): Promise<Admin>;
  close(): Promise<void>;
}

/**
 * Requests are given up after this time. Longer than a broker waits for its replicas, so that it is the broker that
 * answers; fetches and group joins add their own waiting time.
 */
const requestTimeoutMs = 15_000;
const connectionTimeoutMs = 3_000;
const closeTimeoutMs = 2_000;

/** Set here because the library's own defaults differ under NODE_ENV=test. A broker fails over within 10 seconds. */
export const clientRetry = { retries: 8, initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 1_000 };

/** Holds the settings of a cluster. Nothing is connected until it is used: a process starts while Kafka is away. */
export function connectKafka({ brokers, clientId, logger }: KafkaOptions): KafkaConnection {
  const client = new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry: clientRetry,
    logLevel: logger === undefined ? logLevel.NOTHING : logLevel.INFO,
    logCreator: () => (entry) => logger?.[levelOf(entry)]({ namespace: entry.namespace, ...entry.log }, 'kafka client'),
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
      const closing = connecting?.then((admin) => admin.disconnect());
      connecting = undefined;
      // Brokers that do not answer would be waited for as long as for a request.
      if (closing !== undefined) await withDeadline(closing, closeTimeoutMs, 'closing').catch(() => undefined);
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

/** The library logs at `error` what it is about to retry, and at `info` every join of a group. */
function levelOf({ level }: LogEntry): 'warn' | 'debug' {
  return level === logLevel.ERROR ? 'warn' : 'debug';
}
