import { resolve } from 'node:path';
import { parseVariables, readConfigPath, readServerSettings } from '@facet/config/environment';
import type { ServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import type { HomePaths } from '@facet/config/home-paths';
import { readKafkaSettings, readRedisFiles } from '@facet/config/connections';
import type { KafkaSettings } from '@facet/config/connections';
import type { AppValues } from '@facet/config/variables';
import type { RedisFiles } from '@facet/platform';

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
  /** Size limit of the queue in memory. */
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
  const values = parseVariables('ingest', environment);
  const home = homePaths(values.FACET_HOME);
  return Object.freeze({
    ...shared(values, home),
    port: values.FACET_PORT,
    spoolFolder: resolve(values.FACET_SPOOL ?? home.spoolFolder),
    artifactsFolder: home.artifactsFolder,
    spoolBytesMax: values.FACET_SPOOL_BYTES_MAX,
    queueBytesMax: 64 << 20,
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
  const values = parseVariables('sink', environment);
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

type SharedVariables = Pick<AppValues<'sink'>, keyof AppValues<'sink'> & keyof AppValues<'ingest'>>;

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
