import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { readSecret, tlsOptions } from './connection-files.ts';
import type { TlsFiles } from './connection-files.ts';
import { tlsProblemOf } from './tls-problems.ts';

/** Files of the connections to a Redis. */
export interface RedisFiles extends TlsFiles {
  /** The password of the user in the URL, or of the default user. */
  readonly passwordFile?: string | undefined;
}

/** The parts of a client of ioredis that this file uses. */
interface RedisClient {
  readonly options: { password?: string | null };
  duplicate(override?: object): RedisClient;
}

/**
 * Creates a client of ioredis that reads the files for each new connection, as do its duplicates.
 *
 * @param url `redis://`, or `rediss://` for TLS
 * @param create calls the constructor with a URL and options
 * @throws AppError `CONNECTION_FILE_UNREADABLE`; Error for files that are not PEM.
 */
export function createRedis<Client extends RedisClient>(
  url: string,
  files: RedisFiles,
  create: (url: string, options: { readonly tls?: ConnectionOptions }) => Client,
): Client {
  const { passwordFile } = files;
  const address = new URL(url);
  const options = address.protocol === 'rediss:' ? { tls: redisTls(address.hostname, files) } : {};
  if (passwordFile === undefined) return create(url, options);
  const readPassword = lastGood(() => readSecret(passwordFile));
  address.password = encodeURIComponent(readPassword());
  return withPassword(create(address.href, options), readPassword);
}

function withPassword<Client extends RedisClient>(client: Client, readPassword: () => string): Client {
  Object.defineProperty(client.options, 'password', { get: readPassword, enumerable: true });
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (override) => withPassword(duplicate(override), readPassword);
  return client;
}

function redisTls(host: string, files: RedisFiles): ConnectionOptions {
  const readContext = lastGood(() => createSecureContext({ ...tlsOptions(files) }));
  return {
    ...(isIP(host) === 0 ? { servername: host } : {}),
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
 * Returns why Redis, or this client, refuses a connection or a command until an operator changes something.
 *
 * @param prefix the beginning of the variables of this Redis: `FACET_REDIS` or `FACET_QUEUE`
 */
export function redisProblemOf(
  error: Error & { readonly code?: string },
  { host, prefix }: { readonly host: string; readonly prefix: string },
): { readonly reason: string; readonly remedy: string } | undefined {
  const { message, code } = error;
  const tls = tlsProblemOf(code, host, prefix);
  if (tls !== undefined) return tls;
  if (/^(WRONGPASS|NOAUTH)/.test(message)) {
    return { reason: message, remedy: `Check the user in ${prefix}_URL, and the password in ${prefix}_PASSWORD_FILE.` };
  }
  if (message.includes('NOPERM')) {
    const page = 'docs/operations.md#encrypt-and-authenticate-connections';
    return { reason: message, remedy: `Grant the user in ${prefix}_URL the permissions in ${page}.` };
  }
  if (message.startsWith('OOM')) {
    const remedy = `Raise maxmemory of Redis, or delete other data in it. Keep its maxmemory-policy noeviction.`;
    return { reason: message, remedy };
  }
  if (code !== 'ECONNRESET') return undefined;
  // With TLS 1.3, the alert of a server often arrives after the end of the connection.
  return {
    reason: `${host} closed the connection (${message})`,
    remedy: `Check that Redis runs. If it uses TLS, begin ${prefix}_URL with rediss://; if it requires certificates, set ${prefix}_CERT_FILE and ${prefix}_KEY_FILE.`,
  };
}
