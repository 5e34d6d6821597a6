import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { VariableName } from '@facet/config/variables';

/** The environment of the command line. An empty variable counts as unset. */
export type CliEnvironment = ReturnType<typeof readEnvironment>;

export function readEnvironment(environment: NodeJS.ProcessEnv) {
  const read = (name: VariableName | 'XDG_CACHE_HOME'): string | undefined => environment[name] || undefined;
  const cacheRoot = read('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return Object.freeze({
    /** `FACET_HOME`: the data home unless `--home` is given. */
    home: read('FACET_HOME'),
    /** `FACET_CONFIG`: the configuration file unless `--config` is given. */
    configFile: read('FACET_CONFIG'),
    /** Downloads shared by all clones: `FACET_CACHE_DIR`, else `facet` in `XDG_CACHE_HOME` or `~/.cache`. */
    cacheFolder: resolve(read('FACET_CACHE_DIR') ?? join(cacheRoot, 'facet')),
    /** `FACET_API_KEYS_FILE`: the file of API keys; `keys.yaml` of the data home if unset. */
    apiKeysFile: read('FACET_API_KEYS_FILE'),
    /** `FACET_KAFKA_BROKERS`: `host:port`, separated by commas. Unset: the home may be filled from files. */
    kafkaBrokers: read('FACET_KAFKA_BROKERS'),
    /** `FACET_TOPIC_PREFIX`. */
    topicPrefix: read('FACET_TOPIC_PREFIX') ?? 'facet',
    /** `FACET_REDIS_URL`: the profile store. */
    redisUrl: read('FACET_REDIS_URL'),
    /** `FACET_QUEUE_URL`: the Redis of the job queue. Unset: refreshes run in the process of the command. */
    queueUrl: read('FACET_QUEUE_URL'),
    /** `FACET_QUEUE_PREFIX`. */
    queuePrefix: read('FACET_QUEUE_PREFIX'),
    /** `FACET_API_KEY`: the key for requests to the apps. */
    apiKey: read('FACET_API_KEY'),
    /** The variables for child processes. */
    inherited: environment,
  });
}
