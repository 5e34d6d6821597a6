import { resolve } from 'node:path';
import { parseVariables, readConfigPath, readServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import type { HomePaths } from '@facet/config/home-paths';
import { readKafkaSettings, readRedisFiles } from '@facet/config/connections';
import type { AppValues } from '@facet/config/variables';
import { minuteMs } from '@facet/platform';

/** Buffered events that trigger a commit. A crash repeats up to this many. */
const commitRowsMax: number = 200_000;

export type SharedConfig = ReturnType<typeof shared>;
export type SinkConfig = ReturnType<typeof readSinkConfig>;
export type IngestConfig = ReturnType<typeof readIngestConfig>;

/**
 * Reads the environment of `collector ingest`.
 *
 * @throws AppError `CONFIG_INVALID`, which names each invalid variable
 */
export function readIngestConfig(environment: NodeJS.ProcessEnv) {
  const values = parseVariables('ingest', environment);
  const home = homePaths(values.FACET_HOME);
  return Object.freeze({
    ...shared(values, home),
    spoolFolder: resolve(values.FACET_SPOOL ?? home.spoolFolder),
    /** The artifacts of the data home. The folder may be absent. */
    artifactsFolder: home.artifactsFolder,
    spoolBytesMax: values.FACET_SPOOL_BYTES_MAX,
    /** Size limit of the queue in memory. */
    queueBytesMax: 64 << 20,
    /** Records that Kafka does not acknowledge in this time go to the spool. */
    ackTimeoutMs: 3_000,
    bodyBytesMax: values.FACET_INGEST_BODY_BYTES_MAX,
  });
}

/**
 * Reads the environment of `collector sink`.
 *
 * @throws AppError `CONFIG_INVALID`, which names each invalid variable
 */
export function readSinkConfig(environment: NodeJS.ProcessEnv) {
  const values = parseVariables('sink', environment);
  const home = homePaths(values.FACET_HOME);
  const commitMs = values.FACET_SINK_COMMIT_SECONDS * 1000;
  return Object.freeze({
    ...shared(values, home),
    home,
    redisUrl: values.FACET_REDIS_URL,
    redisFiles: readRedisFiles(values, 'FACET_REDIS'),
    commitMs,
    commitRowsMax,
    /** How long changes of items and users are collected. */
    catalogMs: Math.min(3_000, commitMs / 5),
    /** Time without progress after which the liveness probe fails. */
    stallMs: 2 * minuteMs,
    sessionMs: values.FACET_SINK_SESSION_SECONDS * 1000,
    refillMs: values.FACET_SINK_REFILL_SECONDS * 1000,
  });
}

type SharedVariables = Pick<AppValues<'sink'>, keyof AppValues<'sink'> & keyof AppValues<'ingest'>>;

function shared(values: SharedVariables, home: HomePaths) {
  return {
    ...readServerSettings(values, home),
    port: values.FACET_PORT,
    facetFile: readConfigPath(values),
    kafka: readKafkaSettings(values),
    topicPrefix: values.FACET_TOPIC_PREFIX,
    eventPartitions: values.FACET_EVENT_PARTITIONS,
    replicationFactor: values.FACET_REPLICATION_FACTOR,
  };
}
