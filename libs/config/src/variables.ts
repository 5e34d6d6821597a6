import { join } from 'node:path';
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';

export const defaultHome = join('.facet', 'default');
export const defaultHost = '127.0.0.1';
export const defaultConfigFile = 'facet.yaml';

/** The default port of each app. */
export const ports = { serving: 8080, ingest: 8081, sink: 8082, trainer: 8083, indexer: 8084, console: 8085 };
export type App = keyof typeof ports;
/** The programs that read variables. `development`: tests, benchmarks and setup. */
type Reader = App | 'cli' | 'compose' | 'development';

const servers = ['serving', 'ingest', 'sink', 'trainer', 'indexer', 'console'] as const;
const everywhere = [...servers, 'cli'] as const;
const configured = ['serving', 'ingest', 'sink', 'trainer', 'indexer', 'cli'] as const;
const kafka = ['ingest', 'sink', 'cli'] as const;
const profiles = ['serving', 'sink', 'cli'] as const;
const queue = ['trainer', 'indexer', 'cli'] as const;

const text = Type.Optional(Type.String());
const booleans = [Type.Literal('true'), Type.Literal('false')] as const;
const flag = Type.Union([...booleans], { default: 'false' });
const httpUrl = '^https?://[^/\\s]+/?$';
const redisUrl = '^rediss?([+](cluster|sentinel))?://';
const prefix = Type.String({ pattern: '^[A-Za-z0-9._-]{1,100}$', default: 'facet' });
const seconds = (value: number, minimum: number) => Type.Number({ minimum, maximum: 3_600, default: value });
const apiUrl = (port: number) => Type.String({ pattern: httpUrl, default: `http://${defaultHost}:${port}` });

function variable<Schema extends TSchema, const Readers extends readonly Reader[]>(
  readers: Readers,
  schema: Schema,
  summary: string,
) {
  return { readers, schema, summary };
}

/** Every environment variable that a part of Facet reads. All parts may share one environment. An empty variable counts as absent. */
export const variables = {
  FACET_HOME: variable(everywhere, Type.String({ default: defaultHome }), 'data home of one stream of events'),
  FACET_CONFIG: variable(configured, text, 'configuration file. Default: facet.yaml, which may be missing'),
  FACET_HOST: variable(servers, Type.String({ default: defaultHost }), 'address to listen on; 0.0.0.0 in a container'),
  FACET_PORT: variable(servers, Type.Integer({ minimum: 0, maximum: 65_535 }), 'port to listen on; 0: a free one'),
  FACET_TLS_CERT_FILE: variable(servers, text, 'certificate for HTTPS, followed by intermediate ones'),
  FACET_TLS_KEY_FILE: variable(servers, text, 'private key of the certificate, without a passphrase'),
  FACET_API_KEYS_FILE: variable(everywhere, text, 'accepted API keys. Default: keys.yaml in the home'),
  FACET_INSECURE: variable(servers, flag, 'true: accept requests without an API key'),
  FACET_LOG_LEVEL: variable(
    servers,
    Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { default: 'info' }),
    'lowest level to log, trace to fatal, or silent',
  ),

  FACET_KAFKA_BROKERS: variable(kafka, Type.String({ default: '127.0.0.1:9092' }), 'brokers as host:port,…'),
  FACET_TOPIC_PREFIX: variable(kafka, prefix, 'prefix of the topics, for installations that share a cluster'),
  FACET_KAFKA_TLS: variable(kafka, flag, 'true: connect with TLS'),
  FACET_KAFKA_CA_FILE: variable(kafka, text, 'authorities of the server. Default: those of Node'),
  FACET_KAFKA_CERT_FILE: variable(kafka, text, 'certificate of this process, for servers that require one'),
  FACET_KAFKA_KEY_FILE: variable(kafka, text, 'private key of the certificate'),
  FACET_KAFKA_SASL_MECHANISM: variable(
    kafka,
    Type.Optional(Type.Enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'])),
    'SCRAM-SHA-256, SCRAM-SHA-512; only with TLS: PLAIN, OAUTHBEARER',
  ),
  FACET_KAFKA_USER: variable(kafka, text, 'user of PLAIN and SCRAM'),
  FACET_KAFKA_PASSWORD_FILE: variable(kafka, text, 'file with the password of the user'),
  FACET_KAFKA_TOKEN_FILE: variable(kafka, text, 'file with the token of OAUTHBEARER'),
  FACET_EVENT_PARTITIONS: variable(
    ['ingest', 'sink'],
    Type.Integer({ minimum: 1, maximum: 1_000, default: 6 }),
    'partitions of a new event topic: the maximum number of sinks',
  ),
  FACET_REPLICATION_FACTOR: variable(
    ['ingest', 'sink'],
    Type.Integer({ minimum: 1, maximum: 10, default: 1 }),
    'replicas of new topics; use 3 with three brokers',
  ),

  FACET_REDIS_URL: variable(profiles, Type.Optional(Type.String({ pattern: redisUrl })), 'profile store'),
  FACET_REDIS_PASSWORD_FILE: variable(profiles, text, 'file with the password of the user'),
  FACET_REDIS_CA_FILE: variable(profiles, text, 'authorities of the server. Default: those of Node'),
  FACET_REDIS_CERT_FILE: variable(profiles, text, 'certificate of this process, for servers that require one'),
  FACET_REDIS_KEY_FILE: variable(profiles, text, 'private key of the certificate'),
  FACET_REDIS_SENTINEL_PASSWORD_FILE: variable(profiles, text, 'file with the password of the Sentinels'),

  FACET_QUEUE_URL: variable(
    queue,
    Type.String({ pattern: redisUrl, default: 'redis://127.0.0.1:6379' }),
    'Redis of the job queue: durable, noeviction',
  ),
  FACET_QUEUE_PASSWORD_FILE: variable(queue, text, 'file with the password of the user'),
  FACET_QUEUE_CA_FILE: variable(queue, text, 'authorities of the server. Default: those of Node'),
  FACET_QUEUE_CERT_FILE: variable(queue, text, 'certificate of this process, for servers that require one'),
  FACET_QUEUE_KEY_FILE: variable(queue, text, 'private key of the certificate'),
  FACET_QUEUE_SENTINEL_PASSWORD_FILE: variable(queue, text, 'file with the password of the Sentinels'),
  FACET_QUEUE_PREFIX: variable(
    queue,
    Type.String({ pattern: '^[A-Za-z0-9._{}-]{1,100}$', default: 'facet' }),
    'prefix of the keys of the queue',
  ),
  FACET_QUEUE_LOCK_SECONDS: variable(
    ['trainer', 'indexer'],
    seconds(30, 1),
    "time until another worker takes a silent worker's job",
  ),

  FACET_SPOOL: variable(['ingest'], text, 'folder of records that wait for Kafka. Default: spool in the home'),
  FACET_SPOOL_BYTES_MAX: variable(
    ['ingest'],
    Type.Integer({ minimum: 1 << 20, default: 1 << 30 }),
    'size limit of the spool; a full spool refuses requests',
  ),
  FACET_INGEST_BODY_BYTES_MAX: variable(
    ['ingest'],
    Type.Integer({ minimum: 1 << 10, maximum: 64 << 20, default: 1 << 20 }),
    'size limit of a request; a key may have a lower one',
  ),
  FACET_SINK_COMMIT_SECONDS: variable(
    ['sink'],
    Type.Number({ exclusiveMinimum: 0, maximum: 3_600, default: 15 }),
    'age of the oldest buffered event that triggers a commit to the lake',
  ),
  FACET_SINK_SESSION_SECONDS: variable(
    ['sink'],
    Type.Integer({ minimum: 6, maximum: 300, default: 6 }),
    'time after which the partitions of a dead sink are reassigned',
  ),
  FACET_SINK_REFILL_SECONDS: variable(
    ['sink'],
    Type.Number({ minimum: 0, default: 60 }),
    'time of updates that a killed Redis may lose, and that are applied again',
  ),

  FACET_SCHEDULER_SECONDS: variable(['trainer'], seconds(60, 0.1), 'time between two rounds of the scheduler'),
  FACET_DELTA_SECONDS: variable(['indexer'], seconds(5, 0), 'time between two checks of the catalog; 0: none'),

  FACET_WATCH_INTERVAL_MS: variable(
    ['serving'],
    Type.Integer({ minimum: 10, maximum: 3_600_000, default: 1_000 }),
    'time between two checks for a new bundle or delta',
  ),
  FACET_TRENDS_SECONDS: variable(['serving'], seconds(60, 0.1), 'time between two readings of GET /v1/trends'),
  FACET_PROCESSES: variable(
    ['serving'],
    Type.String({ default: '1', pattern: '^(cores|[1-9][0-9]?)$' }),
    'number of worker processes on the port, or cores',
  ),
  FACET_MILVUS_ADDRESS: variable(['serving'], text, 'host:port of a Milvus that searches. Default: in process'),
  FACET_MILVUS_TLS: variable(['serving'], Type.Optional(Type.Union([...booleans])), 'true: connect with TLS'),
  FACET_MILVUS_CA_FILE: variable(['serving'], text, 'authorities of the server. Default: those of Node'),
  FACET_MILVUS_CERT_FILE: variable(['serving'], text, 'certificate of this process, for servers that require one'),
  FACET_MILVUS_KEY_FILE: variable(['serving'], text, 'private key of the certificate'),
  FACET_MILVUS_TOKEN_FILE: variable(['serving'], text, 'file with user:password or an API key; requires TLS'),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable(
    ['serving'],
    Type.Optional(Type.String({ pattern: '^https?://' })),
    'collector of traces. Default: no tracing',
  ),
  OTEL_TRACES_SAMPLER_ARG: variable(
    ['serving'],
    Type.Number({ minimum: 0, maximum: 1, default: 1 }),
    'share of requests without a traceparent that is traced',
  ),

  FACET_SERVING_URL: variable(['console', 'cli'], apiUrl(ports.serving), 'address of serving'),
  FACET_COLLECTOR_URL: variable(['console', 'cli'], apiUrl(ports.ingest), 'address of the ingest'),
  FACET_SINK_URL: variable(['console', 'cli'], apiUrl(ports.sink), 'address of the sink'),
  FACET_TRAINER_URL: variable(['console', 'cli'], apiUrl(ports.trainer), 'address of the trainer'),
  FACET_INDEXER_URL: variable(['console', 'cli'], apiUrl(ports.indexer), 'address of the indexer'),
  FACET_PROMETHEUS_URL: variable(
    ['console'],
    Type.Optional(Type.String({ pattern: httpUrl })),
    'address of a Prometheus, to show firing alerts',
  ),
  FACET_CONSOLE_URL: variable(
    ['console', 'cli'],
    Type.Optional(Type.String({ pattern: httpUrl })),
    'address in the browser; with https, cookies are sent over https only',
  ),
  FACET_CONSOLE_SECRET: variable(
    ['console'],
    Type.Optional(Type.String({ minLength: 32 })),
    'seals cookies; the same for all consoles. Default: new at each start',
  ),

  FACET_API_KEY: variable(['cli'], text, 'key of facet backfill, facet open and facet status'),
  FACET_CACHE_DIR: variable(['cli', 'development'], text, 'downloads and native parts. Default: ~/.cache/facet'),

  FACET_IMAGES: variable(['compose'], text, 'prefix of the image names. Default: facet'),
  FACET_KEYS_FOLDER: variable(['compose'], text, 'folder of keys.yaml. Default: infra/keys'),
  FACET_CONFIG_FILE: variable(['compose'], text, 'path of facet.yaml. Default: in the root of the clone'),

  FACET_PREBUILT: variable(['development'], text, 'folder, tarball or package of prebuilt addons'),
  FACET_TESTS: variable(['development'], text, 'kind of the tests to run: test, faults or scale'),
  FACET_TEST_SEED: variable(['development'], text, 'seed of the random values in tests. Default: 1'),
  FACET_RETAIL_FOLDER: variable(['development'], text, 'folder of Online Retail II, for screenshots'),
  FACET_SCREENSHOTS: variable(['development'], text, 'folder to write screenshots to'),
  FACET_WRITE_GOLDEN: variable(['development'], text, 'true: rewrite the golden files of serving'),
  FACET_SANITIZED_ADDON: variable(['development'], text, 'native addon with sanitizers'),
};
type Table = typeof variables;
export type VariableName = keyof Table;
type SchemaOf<Names extends VariableName> = Type.TObject<{ [Name in Names]: Table[Name]['schema'] }>;
type NamesOf<Of extends Reader> = {
  [Name in VariableName]: Of extends Table[Name]['readers'][number] ? Name : never;
}[VariableName];
type NamesWith<Prefix extends string> = Extract<VariableName, `${Prefix}${string}`>;

/** The values of some variables. */
export type Values<Names extends VariableName> = Static<SchemaOf<Names>>;
/** The values of the variables that an app reads. */
export type AppValues<Of extends App> = Values<NamesOf<Of>>;

function schemaOf<Names extends VariableName>(isWanted: (name: VariableName) => boolean, app?: App): SchemaOf<Names> {
  const names = (Object.keys(variables) as VariableName[]).filter(isWanted);
  const schemas = names.map((name): [string, TSchema] => [
    name,
    name === 'FACET_PORT' && app !== undefined
      ? Type.Integer({ ...variables.FACET_PORT.schema, default: ports[app] })
      : variables[name].schema,
  ]);
  return Type.Object(Object.fromEntries(schemas)) as never;
}

/** Returns the schema of the variables that an app reads. */
export function variablesOf<Of extends App>(app: Of): SchemaOf<NamesOf<Of>> {
  return schemaOf((name) => readersOf(name).includes(app), app);
}

/** Returns the schema of the variables with a prefix, such as `FACET_KAFKA_`. */
export function variablesWith<Prefix extends string>(prefix: Prefix): SchemaOf<NamesWith<Prefix>> {
  return schemaOf((name) => name.startsWith(prefix));
}

/** Returns the schema of all variables but `FACET_PORT`, whose default depends on the app. */
export function allVariables(): SchemaOf<Exclude<VariableName, 'FACET_PORT'>> {
  return schemaOf((name) => name !== 'FACET_PORT');
}

/** Returns the programs that read a variable. */
export function readersOf(name: VariableName): readonly Reader[] {
  return variables[name].readers;
}

/** Returns the default of a variable, such as that of the port of each of its readers; empty for none. */
export function defaultOf(name: VariableName, readers: readonly App[]): string {
  if (name === 'FACET_PORT') return readers.map((app) => ports[app]).join(', ');
  const { default: value } = variables[name].schema as { readonly default?: string | number | boolean };
  return value === undefined ? '' : String(value);
}

/** Returns one line for each variable of the apps, for `--help`: name, summary and default. */
export function describeVariables(...apps: readonly App[]): string {
  const names = (Object.keys(variables) as VariableName[]).filter((name) =>
    apps.some((app) => readersOf(name).includes(app)),
  );
  const width = Math.max(...names.map((name) => name.length));
  return names
    .map((name) => {
      const readers = apps.filter((app) => readersOf(name).includes(app));
      const only = readers.length === apps.length ? '' : `${readers.join(', ')}: `;
      const value = defaultOf(name, readers);
      const line = `  ${name.padEnd(width)}  ${only}${variables[name].summary}`;
      return `${line}${value === '' ? '' : ` (${value})`}\n`;
    })
    .join('');
}
