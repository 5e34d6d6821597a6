import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The environment of the command line. An empty variable counts as unset. */
export interface CliEnvironment {
  /** `FACET_HOME`: the data home unless `--home` is given. */
  readonly home: string | undefined;
  /** `FACET_CONFIG`: the configuration file unless `--config` is given. */
  readonly configFile: string | undefined;
  /** Downloads shared by all clones: `FACET_CACHE_DIR`, else `facet` in `XDG_CACHE_HOME` or `~/.cache`. */
  readonly cacheFolder: string;
  /** `FACET_API_KEYS_FILE`: the file of API keys; `keys.yaml` of the data home if unset. */
  readonly apiKeysFile: string | undefined;
  /** `FACET_KAFKA_BROKERS`: `host:port`, separated by commas. Unset: the home may be filled from files. */
  readonly kafkaBrokers: string | undefined;
  /** `FACET_TOPIC_PREFIX`. */
  readonly topicPrefix: string;
  /** `FACET_REDIS_URL`: the profile store. */
  readonly redisUrl: string | undefined;
  /** `FACET_QUEUE_URL`: the Redis of the job queue. Unset: refreshes run in the process of the command. */
  readonly queueUrl: string | undefined;
  /** `FACET_QUEUE_PREFIX`. */
  readonly queuePrefix: string | undefined;
  /** `FACET_API_KEY`: the key for requests to the apps. */
  readonly apiKey: string | undefined;
  /** The variables for child processes. */
  readonly inherited: NodeJS.ProcessEnv;
}

export function readEnvironment(environment: NodeJS.ProcessEnv): CliEnvironment {
  const read = (name: string): string | undefined => environment[name] || undefined;
  const cacheRoot = read('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return Object.freeze({
    home: read('FACET_HOME'),
    configFile: read('FACET_CONFIG'),
    cacheFolder: resolve(read('FACET_CACHE_DIR') ?? join(cacheRoot, 'facet')),
    apiKeysFile: read('FACET_API_KEYS_FILE'),
    kafkaBrokers: read('FACET_KAFKA_BROKERS'),
    topicPrefix: read('FACET_TOPIC_PREFIX') ?? 'facet',
    redisUrl: read('FACET_REDIS_URL'),
    queueUrl: read('FACET_QUEUE_URL'),
    queuePrefix: read('FACET_QUEUE_PREFIX'),
    apiKey: read('FACET_API_KEY'),
    inherited: environment,
  });
}
