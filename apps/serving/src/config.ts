import { availableParallelism } from 'node:os';
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
import { milvusVariables, readMilvusSettings } from '@facet/config/milvus-settings';
import type { MilvusConnection } from '@facet/config/milvus-settings';
import { profileStoreVariables, readRedisFiles } from '@facet/config/redis-settings';
import type { RedisFiles } from '@facet/platform';
import { Type } from 'typebox';
import type { TracingSettings } from './telemetry/open-tracing.ts';

/** The environment variables of this process. */
const Environment = Type.Object({
  ...homeVariables,
  ...profileStoreVariables,
  ...milvusVariables,
  /** How often to check for a new bundle or delta. */
  FACET_WATCH_INTERVAL_MS: Type.Integer({ minimum: 10, maximum: 3_600_000, default: 1_000 }),
  /** Slower requests are logged with their spans. */
  FACET_SLOW_REQUEST_MS: Type.Number({ minimum: 1, default: 100 }),
  /** The share of searches to repeat exactly, to measure index recall; 0: none. */
  FACET_RECALL_SHARE: Type.Number({ minimum: 0, maximum: 1, default: 0.01 }),
  /** The time between two readings of `GET /v1/trends`. */
  FACET_TRENDS_SECONDS: Type.Number({ minimum: 0.1, maximum: 3_600, default: 60 }),
  /** The number of worker processes on the port, or `cores`. */
  FACET_PROCESSES: Type.String({ default: '1', pattern: '^(cores|[1-9][0-9]?)$' }),
  /** Absent: no tracing. OpenTelemetry's packages read this variable and their other variables, too. */
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** The share of requests without a `traceparent` that is traced. */
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
  /** 0 chooses a free port. */
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  ...serverVariables,
});

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
  readonly slowRequestMs: number;
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
  const values = parseVariables(Environment, environment);
  const home = homePaths(values.FACET_HOME);
  return Object.freeze({
    ...readServerSettings(values, home),
    home,
    redisUrl: values.FACET_REDIS_URL,
    redisFiles: readRedisFiles(values, 'FACET_REDIS'),
    milvus: readMilvusSettings(values),
    facetFile: readConfigPath(values),
    slowRequestMs: values.FACET_SLOW_REQUEST_MS,
    recallShare: values.FACET_RECALL_SHARE,
    trendsIntervalMs: 1_000 * values.FACET_TRENDS_SECONDS,
    tracing: values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : { share: values.OTEL_TRACES_SAMPLER_ARG },
    watchIntervalMs: values.FACET_WATCH_INTERVAL_MS,
    processes: values.FACET_PROCESSES === 'cores' ? availableParallelism() : Number(values.FACET_PROCESSES),
    port: values.FACET_PORT,
  });
}
