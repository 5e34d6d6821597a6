import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { readSecret, tlsOptions } from './connection-files.ts';
import type { TlsFiles } from './connection-files.ts';
import { parseRedisUrl } from './redis-address.ts';
import type { RedisAddress } from './redis-address.ts';

/** Files of the connections to a Redis. */
export interface RedisFiles extends TlsFiles {
  /** The password of the user in the URL, or of the default user. */
  readonly passwordFile?: string | undefined;
  /** The password of the Sentinels. */
  readonly sentinelPasswordFile?: string | undefined;
}

type Host = RedisAddress['hosts'][number];

/** The options of ioredis for one server, in addition to timeouts. */
type ServerOptions = Partial<Host> & {
  readonly username?: string;
  readonly db?: number;
  readonly tls?: ConnectionOptions;
  readonly sentinels?: Host[];
  readonly name?: string;
  readonly sentinelTLS?: ConnectionOptions;
  readonly enableTLSForSentinelMode?: boolean;
};

/** The parts of a client of ioredis that this file uses. */
interface RedisClient {
  readonly options: object;
  readonly stream?: { on(event: 'error', listener: () => void): unknown };
  on(event: string, listener: (error: Error) => void): unknown;
  emit(event: string, error: Error): boolean;
  duplicate(...args: never[]): RedisClient;
}

/** Calls the constructors of ioredis, which not all apps contain. */
export interface RedisConstructors<Client> {
  one(options: ServerOptions): Client;
  cluster(nodes: Host[], options: ServerOptions): Client;
}

/**
 * Creates a client of ioredis that reads the files for each new connection, as do its duplicates.
 *
 * @throws AppError `CONNECTION_FILE_UNREADABLE`; Error for a wrong URL and for files that are not PEM.
 */
export function createRedis<Client extends RedisClient>(
  url: string,
  files: RedisFiles,
  { one, cluster }: RedisConstructors<Client>,
): Client {
  const { kind, hosts, hasTls, user, password, database: db, master } = parseRedisUrl(url);
  const [first] = hosts;
  const tls = hasTls ? redisTls(kind === 'single' ? first!.host : '', files) : undefined;
  const secrets: Secrets = {
    password: secretOf(files.passwordFile) ?? (() => password),
    ...(kind === 'sentinel' ? { sentinelPassword: secretOf(files.sentinelPasswordFile) ?? (() => undefined) } : {}),
  };
  const options = {
    ...(user === undefined ? {} : { username: user }),
    ...(tls === undefined ? {} : { tls }),
    // The first connection may begin in the constructor.
    ...Object.fromEntries(Object.entries(secrets).map(([name, read]) => [name, read()])),
  };
  if (kind === 'cluster') return withSecrets(cluster([...hosts], options), secrets);
  if (kind === 'single') return withSecrets(one({ ...options, ...first, db }), secrets);
  const ofSentinels = tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true };
  return withSecrets(one({ ...options, ...ofSentinels, sentinels: [...hosts], name: master!, db }), secrets);
}

type Secrets = Readonly<Record<string, () => string | undefined>>;

/** Lets a client, the nodes of a cluster and the duplicates read the passwords whenever they connect, and ignore later errors. */
function withSecrets<Client extends RedisClient>(client: Client, secrets: Secrets): Client {
  const define = (options: object): void => {
    for (const [name, get] of Object.entries(secrets)) Object.defineProperty(options, name, { get, enumerable: true });
  };
  const { redisOptions } = client.options as { readonly redisOptions?: object };
  define(redisOptions ?? client.options);
  ignoreLaterErrors(client);
  // The client of a node copies the options. A duplicate of it reads the slots of the cluster, and ioredis hides its errors.
  if (redisOptions !== undefined) {
    client.on('+node', (added: unknown) => {
      const node = added as RedisClient;
      define(node.options);
      ignoreLaterErrors(node);
      const duplicateNode = node.duplicate.bind(node);
      node.duplicate = (...args) => {
        const copy = duplicateNode(...args);
        ignoreLaterErrors(copy);
        copy.on('error', (error) => client.emit('node error', error));
        return copy;
      };
    });
  }
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (...args) => withSecrets(duplicate(...args), secrets);
  return client;
}

/**
 * ioredis handles only the first error of a connection. A TLS connection whose certificate the client refuses can have a second one, the
 * alert of the server. Without a listener, it would end the process.
 */
function ignoreLaterErrors(client: RedisClient): void {
  client.on('error', () => client.stream?.on('error', () => undefined));
}

function secretOf(file: string | undefined): (() => string) | undefined {
  return file === undefined ? undefined : lastGood(() => readSecret(file));
}

function redisTls(host: string, files: RedisFiles): ConnectionOptions {
  const readContext = lastGood(() => createSecureContext({ ...tlsOptions(files) }));
  return {
    ...(host === '' || isIP(host) !== 0 ? {} : { servername: host }),
    get secureContext() {
      return readContext();
    },
  };
}

/** Returns the last value that could be read. After an error, ioredis would never connect again. */
function lastGood<Value>(read: () => Value): () => Value {
  let value = read();
  return () => {
    try {
      value = read();
    } catch {
      // A file that is being replaced. The next connection reads it again.
    }
    return value;
  };
}

/**
 * Calls a function with each error that keeps a client from connecting. Of a cluster and of Sentinels, it is the error of
 * a server instead of the summary of ioredis.
 */
export function onConnectionError(client: Pick<RedisClient, 'on'>, listener: (error: Error) => void): void {
  let reason: Error | undefined;
  const note = (error: Error & { readonly code?: string }): void => {
    if (/^(Connection is closed\.|timeout)$/.test(error.message)) return;
    // A server that refuses the client says more than one that does not respond.
    if (reason === undefined || !/^E[A-Z_]+$/.test(error.code ?? '')) reason = error;
  };
  client.on('sentinelError', note);
  client.on('node error', note);
  client.on('error', (error) => {
    const isSummary = /^(All sentinels are unreachable|Failed to refresh slots cache)/.test(error.message);
    listener(isSummary ? (reason ?? error) : error);
    if (isSummary) reason = undefined;
  });
}
