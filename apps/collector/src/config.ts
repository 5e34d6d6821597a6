import { resolve } from 'node:path';
import {
  folderVariables,
  homeVariables,
  kafkaVariables,
  parseBrokers,
  profileStoreVariables,
  readHomePaths,
  readServerSettings,
  serverVariables,
} from '@facet/config/environment';
import type { HomePaths } from '@facet/config/home-paths';
import { parseEnvironment } from '@facet/platform';
import type { AccessSource } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** What both processes are told from outside, each with what its absence means. */
const sharedVariables = {
  ...homeVariables,
  ...folderVariables,
  ...kafkaVariables,
  /** Of the event topic, when it is made: bounds how many sinks can share the work. */
  FACET_EVENT_PARTITIONS: Type.Integer({ minimum: 1, maximum: 1_000, default: 6 }),
  /** Of all topics, when they are made. */
  FACET_REPLICATION_FACTOR: Type.Integer({ minimum: 1, maximum: 10, default: 1 }),
  ...serverVariables,
};

const SinkEnvironment = Type.Object({
  ...sharedVariables,
  ...profileStoreVariables,
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8082 }),
  /** How long events are collected before they become files of the lake. */
  FACET_SINK_COMMIT_SECONDS: Type.Number({ exclusiveMinimum: 0, maximum: 3_600, default: 15 }),
  /** Or how many; what a crash makes it read again. */
  FACET_SINK_COMMIT_ROWS: Type.Integer({ minimum: 1, maximum: 10_000_000, default: 200_000 }),
  /** How long changes of items and users are collected: each writes the whole catalog anew. */
  FACET_SINK_CATALOG_SECONDS: Type.Number({ minimum: 0, maximum: 3_600, default: 3 }),
  /** Without progress for so long while there is something to do, the process says that it is not alive. */
  FACET_SINK_STALL_SECONDS: Type.Number({ minimum: 1, default: 120 }),
  /** After a sink dies, its partitions wait so long for another one; a pause of the process must not be longer. */
  FACET_SINK_SESSION_SECONDS: Type.Integer({ minimum: 6, maximum: 300, default: 30 }),
  /** How much of the newest Redis may lose when it is killed: that part of the lake is applied again. */
  FACET_SINK_REFILL_SECONDS: Type.Number({ minimum: 0, default: 60 }),
});

const IngestEnvironment = Type.Object({
  ...sharedVariables,
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8081 }),
  /** Of all its files. When it is full, requests are turned away. */
  FACET_SPOOL_BYTES_MAX: Type.Integer({ minimum: 1 << 20, default: 1 << 30 }),
  /** Of the records in memory that wait to be safe. */
  FACET_INGEST_QUEUE_BYTES_MAX: Type.Integer({ minimum: 1 << 20, default: 64 << 20 }),
  /** What Kafka has not acknowledged after this time goes into the spool. */
  FACET_INGEST_ACK_SECONDS: Type.Number({ minimum: 0.1, maximum: 8, default: 3 }),
  /** Of a request; a key may have a lower bound. */
  FACET_INGEST_BODY_BYTES_MAX: Type.Integer({ minimum: 1 << 10, maximum: 64 << 20, default: 1 << 20 }),
});

export interface SharedConfig {
  readonly facetFile: string;
  readonly kafkaBrokers: readonly string[];
  readonly topicPrefix: string;
  readonly eventPartitions: number;
  readonly replicationFactor: number;
  readonly host: string;
  readonly port: number;
  /** Whom to answer. */
  readonly access: AccessSource;
  readonly logLevel: string;
}

export interface SinkConfig extends SharedConfig {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  /** Where reports of data health are kept. */
  readonly healthFolder: string;
  readonly redisUrl: string | undefined;
  readonly commitMs: number;
  readonly commitRowsMax: number;
  readonly catalogMs: number;
  readonly stallMs: number;
  readonly sessionMs: number;
  readonly refillMs: number;
}

export interface IngestConfig extends SharedConfig {
  readonly spoolFolder: string;
  readonly spoolBytesMax: number;
  readonly queueBytesMax: number;
  readonly ackTimeoutMs: number;
  readonly bodyBytesMax: number;
}

/**
 * Reads the environment of `collector ingest`.
 *
 * @throws AppError `CONFIG_INVALID` naming each wrong variable.
 */
export function readIngestConfig(environment: NodeJS.ProcessEnv): IngestConfig {
  const values = parseEnvironment(IngestEnvironment, environment);
  const home = readHomePaths(values);
  return Object.freeze({
    ...shared(values, home),
    port: values.FACET_PORT,
    spoolFolder: home.spoolFolder,
    spoolBytesMax: values.FACET_SPOOL_BYTES_MAX,
    queueBytesMax: values.FACET_INGEST_QUEUE_BYTES_MAX,
    ackTimeoutMs: values.FACET_INGEST_ACK_SECONDS * 1000,
    bodyBytesMax: values.FACET_INGEST_BODY_BYTES_MAX,
  });
}

/**
 * Reads the environment of `collector sink`.
 *
 * @throws AppError `CONFIG_INVALID` naming each wrong variable.
 */
export function readSinkConfig(environment: NodeJS.ProcessEnv): SinkConfig {
  const values = parseEnvironment(SinkEnvironment, environment);
  const home = readHomePaths(values);
  return Object.freeze({
    ...shared(values, home),
    lakeFolder: home.lakeFolder,
    catalogFolder: home.catalogFolder,
    healthFolder: home.healthFolder,
    redisUrl: values.FACET_REDIS_URL,
    port: values.FACET_PORT,
    commitMs: values.FACET_SINK_COMMIT_SECONDS * 1000,
    commitRowsMax: values.FACET_SINK_COMMIT_ROWS,
    catalogMs: values.FACET_SINK_CATALOG_SECONDS * 1000,
    stallMs: values.FACET_SINK_STALL_SECONDS * 1000,
    sessionMs: values.FACET_SINK_SESSION_SECONDS * 1000,
    refillMs: values.FACET_SINK_REFILL_SECONDS * 1000,
  });
}

type SharedVariables = Static<Type.TObject<typeof sharedVariables>>;

function shared(values: SharedVariables, home: HomePaths): Omit<SharedConfig, 'port'> {
  return {
    ...readServerSettings(values, home),
    facetFile: resolve(values.FACET_CONFIG),
    kafkaBrokers: parseBrokers(values.FACET_KAFKA_BROKERS),
    topicPrefix: values.FACET_TOPIC_PREFIX,
    eventPartitions: values.FACET_EVENT_PARTITIONS,
    replicationFactor: values.FACET_REPLICATION_FACTOR,
  };
}
