import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { createCertificates } from './certificates.ts';
import { thisMachine } from './network.ts';
import type { LocalHost } from './network.ts';
import { createScratchFolder, findFreePorts, orStop, requireService, startServer } from './server-process.ts';

export interface LocalRedisOptions {
  /**
   * Whether data, except for the last second, survives `kill` and `start`, in an append-only file; false by default.
   */
  persistent?: boolean;
  /** This machine by default. */
  host?: LocalHost;
  /** More options of redis-server. */
  more?: Readonly<Record<string, string>>;
}

export type LocalRedis = Awaited<ReturnType<typeof startRedis>>;

const RESPONSE_WITHIN_MS = 1_000;

/**
 * Starts a real Redis on a free port, with data in a temporary folder. The kernel kills it when this
 * process ends for any reason.
 *
 * @throws Error that names the setup command if redis-server is missing, or contains its log if it did not start.
 */
export async function startRedis({ persistent = false, host = thisMachine, more = {} }: LocalRedisOptions = {}) {
  const redisServer = requireService('redisServer');
  const scratch = await createScratchFolder('redis');
  const [port = 0] = await findFreePorts(1);
  const { address } = host;
  const options: Record<string, string> = {
    port: String(port),
    bind: address,
    // Other hosts need no password either.
    'protected-mode': 'no',
    dir: scratch.path,
    save: '',
    appendonly: persistent ? 'yes' : 'no',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
    'repl-diskless-sync-delay': '0',
    ...more,
  };
  const server = await startServer(scratch, {
    name: 'redis',
    command: host.enter([redisServer, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]),
    isReady: async () => (await askRedis(port, 'PING', address)).startsWith('+PONG'),
  });
  return Object.assign(server, { url: `redis://${address}:${port}`, address, port });
}

/**
 * Sends a command whose arguments contain no spaces to a server, and returns the first part of its response, in the protocol of Redis.
 */
export function askRedis(port: number, command: string, host = thisMachine.address): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host }, () => socket.write(`${command}\r\n`));
    socket.setTimeout(RESPONSE_WITHIN_MS, () => socket.destroy());
    socket.once('data', (response) => {
      resolve(response.toString());
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(''));
  });
}

export type SecuredRedis = Awaited<ReturnType<typeof startSecuredRedis>>;

const password = 'secret-1/+';

/** Writes certificates and an access control list. Returns what clients need, and the options of redis-server that name the files. */
export async function secureRedis(folder: string, { isExpired = false } = {}) {
  const certificates = await createCertificates(folder);
  const server = isExpired ? certificates.expired : certificates.server;
  const aclfile = path.join(folder, 'users.acl');
  const permissions = '+@all -@dangerous +info +config|get';
  await writeFile(
    aclfile,
    `user default on nopass ~* &* +@all
user facet on >${password} ~facet* ~{facet* &facet* &{facet* ${permissions}
user guest on >${password} &* ${permissions}
`,
  );
  return {
    secrets: { certificates, password },
    options: {
      'tls-cert-file': server.certFile,
      'tls-key-file': server.keyFile,
      'tls-ca-cert-file': certificates.caFile,
      aclfile,
    },
  };
}

/**
 * Starts a Redis with TLS and an access control list, in addition to a port in plain text. The user `facet` has the permissions in
 * docs/connections.md, for keys that begin with `facet` or `{facet`; the user `guest` has no keys.
 */
export async function startSecuredRedis({ isExpired = false } = {}) {
  const scratch = await createScratchFolder('certificates');
  return orStop(scratch.remove, async () => {
    const { secrets, options } = await secureRedis(scratch.path, { isExpired });
    const [port = 0] = await findFreePorts(1);
    const redis = await startRedis({ more: { ...options, 'tls-port': String(port) } });
    const { stop } = redis;
    return Object.assign(redis, {
      /** For TLS. Clients need a certificate. */
      secured: { ...secrets, address: `127.0.0.1:${port}` },
      async stop() {
        await stop();
        await scratch.remove();
      },
    });
  });
}
