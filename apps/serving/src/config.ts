import { availableParallelism } from 'node:os';
import { parseVariables, readConfigPath, readServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import { readMilvusSettings, readRedisFiles } from '@facet/config/connections';
import { describeVariables } from '@facet/config/variables';

/** The output of `serving --help`. */
export const help = `Serves recommendations over HTTP from the current bundle of a data home.

Configure serving with environment variables. It takes no arguments.

${describeVariables('serving')}
Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 4 no usable bundle, 5 unusable port.
More: docs/serving.md, docs/api.md
`;

export type ServingConfig = ReturnType<typeof readConfig>;

/**
 * Reads the environment.
 *
 * @throws AppError `CONFIG_INVALID` with every wrong variable.
 */
export function readConfig(environment: NodeJS.ProcessEnv) {
  const values = parseVariables('serving', environment);
  const home = homePaths(values.FACET_HOME);
  const config = {
    ...readServerSettings(values, home),
    port: values.FACET_PORT,
    home,
    /** The profile store of the collector. */
    redisUrl: values.FACET_REDIS_URL,
    redisFiles: readRedisFiles(values, 'FACET_REDIS'),
    /** Undefined: item vectors are searched in this process only. */
    milvus: readMilvusSettings(values),
    /** `facet.yaml`. */
    facetFile: readConfigPath(values),
    /** The share of searches to repeat exactly, to measure index recall; 0: none. */
    recallShare: 0.01,
    trendsIntervalMs: 1_000 * values.FACET_TRENDS_SECONDS,
    /** Undefined: no tracing. */
    tracing: values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : { share: values.OTEL_TRACES_SAMPLER_ARG },
    watchIntervalMs: values.FACET_WATCH_INTERVAL_MS,
    /** With more than one, a supervisor process runs the workers. */
    processes: values.FACET_PROCESSES === 'cores' ? availableParallelism() : Number(values.FACET_PROCESSES),
  };
  return Object.freeze(config);
}
