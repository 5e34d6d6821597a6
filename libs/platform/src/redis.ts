import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { readSecret, tlsOptions } from './tls.ts';
import type { TlsFiles } from './tls.ts';
import { tlsProblemOf } from './tls.ts';

/** Where a Redis is, as its URL says. */
export interface RedisAddress {
  /** One server, a Redis Cluster, or a server that Sentinels choose. */
  readonly kind: 'single' | 'cluster' | 'sentinel';
  readonly hasTls: boolean;
  /** Addresses of the server, of some nodes of the cluster, or of the Sentinels. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** `host:port` of all hosts, for messages. */
  readonly text: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The name under which the Sentinels know the server. */
  readonly master: string | undefined;
}

const pattern =
  /^(rediss?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/?#:]*)(?::([^@/?#]*))?@)?([^@/?#]+)(?:\/(\d*))?(?:\?master=([^&#]+))?$/;
const hostPattern = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i;

/** Forms of the URLs, for remedies. */
export const redisUrlForms =
  'redis://USER@HOST:PORT/DATABASE, redis+cluster://USER@HOST:PORT,HOST:PORT or redis+sentinel://USER@HOST:PORT,HOST:PORT/DATABASE?master=NAME; with TLS, rediss instead of redis';

/** @throws Error that says what is wrong, without the URL, which may contain a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const match = pattern.exec(url);
  if (match === null) throw new Error('is not the URL of a Redis');
  const [, scheme, kind = 'single', user = '', password = '', hosts = '', database = '', master] = match;
  const address: RedisAddress = {
    kind: kind as RedisAddress['kind'],
    hasTls: scheme === 'rediss',
    ...parseHosts(hosts, kind === 'sentinel' ? 26_379 : 6_379),
    user: user === '' ? undefined : decode(user),
    password: password === '' ? undefined : decode(password),
    database: Number(database),
    master: master === undefined ? undefined : decode(master),
  };
  const problem = findContradiction(address);
  if (problem !== undefined) throw new Error(problem);
  return address;
}

function parseHosts(text: string, portDefault: number): Pick<RedisAddress, 'hosts' | 'text'> {
  const hosts = text.split(',').map((each) => {
    const [, host, port = String(portDefault)] = hostPattern.exec(each) ?? [];
    if (host === undefined || Number(port) > 65_535) throw new Error('contains an invalid address');
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port), text: `${host}:${port}` };
  });
  return { hosts: hosts.map(({ host, port }) => ({ host, port })), text: hosts.map((each) => each.text).join(', ') };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('contains an unescaped %; write %25');
  }
}

function findContradiction({ kind, hosts, database, master }: RedisAddress): string | undefined {
  if (kind === 'sentinel' && master === undefined) return 'names no master: append ?master=NAME';
  if (kind !== 'sentinel' && master !== undefined) return 'has ?master=, which needs redis+sentinel://';
  if (kind === 'single' && hosts.length > 1) {
    return 'has several addresses, which need redis+cluster:// or redis+sentinel://';
  }
  if (kind === 'cluster' && database !== 0) return `contains database ${database}; a cluster has only database 0`;
  return undefined;
}

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

interface RedisProblem {
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Returns why Redis, or this client, refuses a connection or a command until an operator changes something.
 *
 * @param prefix the beginning of the variables of this Redis: `FACET_REDIS` or `FACET_QUEUE`
 */
export function redisProblemOf(
  error: Error & { readonly code?: string },
  { host, prefix }: { readonly host: string; readonly prefix: string },
): RedisProblem | undefined {
  const { message, code } = error;
  const tls = tlsProblemOf(code, host, prefix);
  if (tls !== undefined) return tls;
  const remedy = remedies.find(([pattern]) => pattern.test(message))?.[1](prefix);
  if (remedy !== undefined) return { reason: message, remedy };
  if (code !== 'ECONNRESET') return undefined;
  // With TLS 1.3, the alert of a server often arrives after the end of the connection.
  return {
    reason: `${host} closed the connection (${message})`,
    remedy: `Check that Redis runs. If it uses TLS, begin ${prefix}_URL with rediss://; if it requires certificates, set ${prefix}_CERT_FILE and ${prefix}_KEY_FILE.`,
  };
}

const page = 'docs/connections.md#encrypt-and-authenticate-connections';

/** Remedies by the message of the error. The first that matches counts. */
const remedies: readonly (readonly [RegExp, (prefix: string) => string])[] = [
  [
    /sentinel .*(No such master|invalid reply: null)/,
    (prefix) => `Correct master=… in ${prefix}_URL. On a Sentinel, SENTINEL MASTERS lists the names.`,
  ],
  [
    /sentinel .*(WRONGPASS|NOAUTH)/,
    (prefix) => `Check the password of the Sentinels in ${prefix}_SENTINEL_PASSWORD_FILE.`,
  ],
  [
    /sentinel .*Connection is closed/,
    (prefix) => `Start the Sentinels or correct their addresses in ${prefix}_URL. With TLS, check ${prefix}_CA_FILE.`,
  ],
  [/sentinel .*NOPERM/, () => `Grant the default user of the Sentinels the permissions in ${page}.`],
  [/^(WRONGPASS|NOAUTH)/, (prefix) => `Check the user in ${prefix}_URL, and the password in ${prefix}_PASSWORD_FILE.`],
  [/NOPERM/, (prefix) => `Grant the user in ${prefix}_URL the permissions in ${page}.`],
  [/^OOM/, () => 'Raise maxmemory of Redis, or delete other data in it. Keep its maxmemory-policy noeviction.'],
  [/CLUSTERDOWN/, () => 'Start the missing nodes of the cluster: redis-cli --cluster check HOST:PORT names them.'],
  [
    /cluster support disabled/,
    (prefix) => `The server is not a node of a cluster. Begin ${prefix}_URL with redis:// or rediss://.`,
  ],
  [
    /^MOVED /,
    (prefix) => `The server is a node of a cluster. Begin ${prefix}_URL with redis+cluster:// or rediss+cluster://.`,
  ],
];
