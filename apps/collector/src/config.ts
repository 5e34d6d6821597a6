import { resolve } from 'node:path';
import {
  homeVariables,
  parseVariables,
  readConfigPath,
  readServerSettings,
  serverVariables,
} from '@facet/config/environment';
import type { ServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import type { HomePaths } from '@facet/config/home-paths';
import { kafkaVariables, readKafkaSettings } from '@facet/config/kafka-settings';
import type { KafkaSettings } from '@facet/config/kafka-settings';
import { profileStoreVariables, readRedisFiles } from '@facet/config/redis-settings';
import type { RedisFiles } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The variables of both processes. */
const sharedVariables = {
  ...homeVariables,
  ...kafkaVariables,
  /** Partitions of a new event topic, which limit how many sinks share the work. */
  FACET_EVENT_PARTITIONS: Type.Integer({ minimum: 1, maximum: 1_000, default: 6 }),
  /** Replicas of new topics. */
  FACET_REPLICATION_FACTOR: Type.Integer({ minimum: 1, maximum: 10, default: 1 }),
  ...serverVariables,
};

const SinkEnvironment = Type.Object({
  ...sharedVariables,
  ...profileStoreVariables,
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8082 }),
  /** Age of the oldest buffered event that triggers a commit to the lake. */
  FACET_SINK_COMMIT_SECONDS: Type.Number({ exclusiveMinimum: 0, maximum: 3_600, default: 15 }),
  /** Number of buffered events that triggers a commit. After a crash, the sink reads up to this many again. */
  FACET_SINK_COMMIT_ROWS: Type.Integer({ minimum: 1, maximum: 10_000_000, default: 200_000 }),
  /** How long the sink collects changes of items and users. */
  FACET_SINK_CATALOG_SECONDS: Type.Number({ minimum: 0, maximum: 3_600, default: 3 }),
  /** Time without progress, while there is work, after which the liveness probe fails. */
  FACET_SINK_STALL_SECONDS: Type.Number({ minimum: 1, default: 120 }),
  /** Time after which the partitions of a dead sink are reassigned. The process must not pause longer. */
  FACET_SINK_SESSION_SECONDS: Type.Integer({ minimum: 6, maximum: 300, default: 6 }),
  /** Time of updates that a killed Redis may lose. The sink applies that part of the lake again. */
  FACET_SINK_REFILL_SECONDS: Type.Number({ minimum: 0, default: 60 }),
});

const IngestEnvironment = Type.Object({
  ...sharedVariables,
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8081 }),
  /** Default: `spool` in the data home. Each process needs its own. */
  FACET_SPOOL: Type.Optional(Type.String()),
  /** Size limit of the spool. The ingest rejects requests when the spool is full. */
  FACET_SPOOL_BYTES_MAX: Type.Integer({ minimum: 1 << 20, default: 1 << 30 }),
  /** Size limit of the queue in memory. */
  FACET_INGEST_QUEUE_BYTES_MAX: Type.Integer({ minimum: 1 << 20, default: 64 << 20 }),
  /** Records that Kafka does not acknowledge within this time go to the spool. */
  FACET_INGEST_ACK_SECONDS: Type.Number({ minimum: 0.1, maximum: 8, default: 3 }),
  /** Size limit of a request. A key may have a lower limit. */
  FACET_INGEST_BODY_BYTES_MAX: Type.Integer({ minimum: 1 << 10, maximum: 64 << 20, default: 1 << 20 }),
});

export interface SharedConfig extends ServerSettings {
  readonly facetFile: string;
  readonly kafka: KafkaSettings;
  readonly topicPrefix: string;
  readonly eventPartitions: number;
  readonly replicationFactor: number;
  readonly port: number;
}

export interface SinkConfig extends SharedConfig {
  readonly home: HomePaths;
  readonly redisUrl: string | undefined;
  readonly redisFiles: RedisFiles;
  readonly commitMs: number;
  readonly commitRowsMax: number;
  readonly catalogMs: number;
  readonly stallMs: number;
  readonly sessionMs: number;
  readonly refillMs: number;
}

export interface IngestConfig extends SharedConfig {
  readonly spoolFolder: string;
  /** The artifacts of the data home. The folder may be absent. */
  readonly artifactsFolder: string;
  readonly spoolBytesMax: number;
  readonly queueBytesMax: number;
  readonly ackTimeoutMs: number;
  readonly bodyBytesMax: number;
}

/**
 * Reads the environment of `collector ingest`.
 *
 * @throws AppError `CONFIG_INVALID`, which names each invalid variable
 */
export function readIngestConfig(environment: NodeJS.ProcessEnv): IngestConfig {
  const values = parseVariables(IngestEnvironment, environment);
  const home = homePaths(values.FACET_HOME);
  return Object.freeze({
    ...shared(values, home),
    port: values.FACET_PORT,
    spoolFolder: resolve(values.FACET_SPOOL ?? home.spoolFolder),
    artifactsFolder: home.artifactsFolder,
    spoolBytesMax: values.FACET_SPOOL_BYTES_MAX,
    queueBytesMax: values.FACET_INGEST_QUEUE_BYTES_MAX,
    ackTimeoutMs: values.FACET_INGEST_ACK_SECONDS * 1000,
    bodyBytesMax: values.FACET_INGEST_BODY_BYTES_MAX,
  });
}

/**
 * Reads the environment of `collector sink`.
 *
 * @throws AppError `CONFIG_INVALID`, which names each invalid variable
 */
export function readSinkConfig(environment: NodeJS.ProcessEnv): SinkConfig {
  const values = parseVariables(SinkEnvironment, environment);
  const home = homePaths(values.FACET_HOME);
  return Object.freeze({
    ...shared(values, home),
    home,
    redisUrl: values.FACET_REDIS_URL,
    redisFiles: readRedisFiles(values, 'FACET_REDIS'),
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
    facetFile: readConfigPath(values),
    kafka: readKafkaSettings(values),
    topicPrefix: values.FACET_TOPIC_PREFIX,
    eventPartitions: values.FACET_EVENT_PARTITIONS,
    replicationFactor: values.FACET_REPLICATION_FACTOR,
  };
}
