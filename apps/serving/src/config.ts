import { availableParallelism } from 'node:os';
import { parseVariables, readConfigPath, readServerSettings } from '@facet/config/environment';
import type { ServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import type { HomePaths } from '@facet/config/home-paths';
import { readMilvusSettings, readRedisFiles } from '@facet/config/connections';
import type { MilvusConnection } from '@facet/config/connections';
import { describeVariables } from '@facet/config/variables';
import type { RedisFiles } from '@facet/platform';
import type { TracingSettings } from './telemetry/tracing.ts';

/** The output of `serving --help`. */
export const help = `Serves recommendations over HTTP from the current bundle of a data home.

Configure serving with environment variables. It takes no arguments.

${describeVariables('serving')}
Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 4 no usable bundle, 5 unusable port.
More: docs/serving.md, docs/api.md
`;

export interface ServingConfig extends ServerSettings {
  readonly home: HomePaths;
  /** The profile store of the collector. */
  readonly redisUrl: string | undefined;
  readonly redisFiles: RedisFiles;
  /** Undefined: item vectors are searched in this process only. */
  readonly milvus: MilvusConnection | undefined;
  /** `facet.yaml`. */
  readonly facetFile: string;
  /** Undefined: no tracing. */
  readonly tracing: TracingSettings | undefined;
  /** Slower requests are logged with their spans. */
  readonly slowRequestMs: number;
  /** The share of searches to repeat exactly, to measure index recall; 0: none. */
  readonly recallShare: number;
  readonly trendsIntervalMs: number;
  readonly watchIntervalMs: number;
  /** With more than one, a supervisor process runs the workers. */
  readonly processes: number;
  readonly port: number;
}

/**
 * Reads the environment.
 *
 * @throws AppError `CONFIG_INVALID` with every wrong variable.
 */
export function readConfig(environment: NodeJS.ProcessEnv): ServingConfig {
  const values = parseVariables('serving', environment);
  const home = homePaths(values.FACET_HOME);
  return Object.freeze({
    ...readServerSettings(values, home),
    home,
    redisUrl: values.FACET_REDIS_URL,
    redisFiles: readRedisFiles(values, 'FACET_REDIS'),
    milvus: readMilvusSettings(values),
    facetFile: readConfigPath(values),
    slowRequestMs: 100,
    recallShare: 0.01,
    trendsIntervalMs: 1_000 * values.FACET_TRENDS_SECONDS,
    tracing: values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : { share: values.OTEL_TRACES_SAMPLER_ARG },
    watchIntervalMs: values.FACET_WATCH_INTERVAL_MS,
    processes: values.FACET_PROCESSES === 'cores' ? availableParallelism() : Number(values.FACET_PROCESSES),
    port: values.FACET_PORT,
  });
}
