import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import {
  folderVariables,
  homeVariables,
  profileStoreVariables,
  readHomePaths,
  readServerSettings,
  serverVariables,
} from '@facet/config/environment';
import { parseEnvironment } from '@facet/platform';
import type { AccessSource } from '@facet/platform';
import { Type } from 'typebox';
import type { TracingSettings } from './tracing/open-tracing.ts';

/** Everything that this process is told from outside, each with what its absence means. */
const Environment = Type.Object({
  ...homeVariables,
  ...folderVariables,
  ...profileStoreVariables,
  /** How often it is looked for a bundle or a delta to take up. */
  FACET_WATCH_INTERVAL_MS: Type.Integer({ minimum: 10, maximum: 3_600_000, default: 1_000 }),
  /** Requests that take longer are logged with what they spent the time on. */
  FACET_SLOW_REQUEST_MS: Type.Number({ minimum: 1, default: 100 }),
  /** Share of the searches that is done again exactly, to measure what the index finds; 0: none. */
  FACET_RECALL_SHARE: Type.Number({ minimum: 0, maximum: 1, default: 0.01 }),
  /** How many answer on the port: a number, or `cores` for as many as there are. */
  FACET_PROCESSES: Type.String({ default: '1', pattern: '^(cores|[1-9][0-9]?)$' }),
  /** Absent: nothing is traced. OpenTelemetry's packages read this one, too, and the others by themselves. */
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  /** Share of the requests without a `traceparent` that is traced. */
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
  /** 0 lets the system choose a free one. */
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  ...serverVariables,
});

export interface ServingConfig {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly artifactsFolder: string;
  /** Where it is recorded what was answered. */
  readonly exposuresFolder: string;
  /** Where the collector keeps profiles. */
  readonly redisUrl: string | undefined;
  /** `facet.yaml`. */
  readonly facetFile: string;
  /** Of which requests there are traces; undefined: of none. */
  readonly tracing: TracingSettings | undefined;
  readonly slowRequestMs: number;
  readonly recallShare: number;
  readonly watchIntervalMs: number;
  /** With more than one, another process keeps them and answers nothing itself. */
  readonly processes: number;
  readonly host: string;
  readonly port: number;
  /** Whom to answer. */
  readonly access: AccessSource;
  readonly logLevel: string;
}

/**
 * Reads the environment.
 *
 * @throws AppError `CONFIG_INVALID` naming each wrong variable.
 */
export function readConfig(environment: NodeJS.ProcessEnv): ServingConfig {
  const values = parseEnvironment(Environment, environment);
  const home = readHomePaths(values);
  return Object.freeze({
    ...readServerSettings(values, home),
    lakeFolder: home.lakeFolder,
    catalogFolder: home.catalogFolder,
    artifactsFolder: home.artifactsFolder,
    exposuresFolder: home.exposuresFolder,
    redisUrl: values.FACET_REDIS_URL,
    facetFile: resolve(values.FACET_CONFIG),
    slowRequestMs: values.FACET_SLOW_REQUEST_MS,
    recallShare: values.FACET_RECALL_SHARE,
    tracing: values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : { share: values.OTEL_TRACES_SAMPLER_ARG },
    watchIntervalMs: values.FACET_WATCH_INTERVAL_MS,
    processes: values.FACET_PROCESSES === 'cores' ? availableParallelism() : Number(values.FACET_PROCESSES),
    port: values.FACET_PORT,
  });
}

/**
 * Keeps Faiss to one thread a search: requests already run beside each other, and threads that fight for the same cores
 * cost a factor of ten. Must run before the native index is loaded; a value that the operator set stays.
 */
export function limitNativeThreads(): void {
  process.env['OMP_NUM_THREADS'] ??= '1';
}
