import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The data home where neither `--home` nor `FACET_HOME` names one. */
export const defaultHome = join('.facet', 'default');

/** What the environment tells the command line. A variable that is set to nothing counts as absent. */
export interface CliEnvironment {
  /** `FACET_HOME`: the data home where `--home` is not given. */
  readonly home: string | undefined;
  /** Downloads that all clones share: `FACET_CACHE_DIR`, else `facet` in `XDG_CACHE_HOME`, else in `~/.cache`. */
  readonly cacheFolder: string;
  /** `FACET_DEBUG`: stack traces of errors, as `--verbose`. */
  readonly isDebug: boolean;
  /** `FACET_API_KEYS_FILE`: the keys that the apps accept, where it is not `keys.yaml` in the home. */
  readonly apiKeysFile: string | undefined;
  /** `FACET_KAFKA_BROKERS`: `host:port` of some brokers, separated by commas. */
  readonly kafkaBrokers: readonly string[];
  /** Whether `FACET_KAFKA_BROKERS` is set: else a home may have its events from files. */
  readonly hasKafka: boolean;
  /** `FACET_TOPIC_PREFIX`: what the names of the topics begin with. */
  readonly topicPrefix: string;
  /** `FACET_REDIS_URL`: the profile store. */
  readonly redisUrl: string | undefined;
  /** `FACET_QUEUE_URL`: the Redis of the queue; without it refreshes run in the command's own process. */
  readonly queueUrl: string | undefined;
  /** `FACET_QUEUE_PREFIX`: what the keys of the queue begin with. */
  readonly queuePrefix: string | undefined;
  /** `FACET_API_KEY`: the key that commands call the collector with. */
  readonly apiKey: string | undefined;
  /** What child processes inherit. */
  readonly inherited: NodeJS.ProcessEnv;
}

export function readEnvironment(environment: NodeJS.ProcessEnv): CliEnvironment {
  const read = (name: string): string | undefined => (environment[name] ? environment[name] : undefined);
  const cacheRoot = read('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return Object.freeze({
    home: read('FACET_HOME'),
    cacheFolder: resolve(read('FACET_CACHE_DIR') ?? join(cacheRoot, 'facet')),
    isDebug: read('FACET_DEBUG') !== undefined,
    apiKeysFile: read('FACET_API_KEYS_FILE'),
    kafkaBrokers: splitBrokers(read('FACET_KAFKA_BROKERS') ?? '127.0.0.1:9092'),
    hasKafka: read('FACET_KAFKA_BROKERS') !== undefined,
    topicPrefix: read('FACET_TOPIC_PREFIX') ?? 'facet',
    redisUrl: read('FACET_REDIS_URL'),
    queueUrl: read('FACET_QUEUE_URL'),
    queuePrefix: read('FACET_QUEUE_PREFIX'),
    apiKey: read('FACET_API_KEY'),
    inherited: environment,
  });
}

export function splitBrokers(text: string): string[] {
  return text
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
}
