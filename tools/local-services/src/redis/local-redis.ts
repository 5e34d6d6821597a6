import { connect } from 'node:net';
import path from 'node:path';
import { thisMachine } from '../network/local-host.ts';
import type { LocalHost } from '../network/local-host.ts';
import { findFreePorts } from '../process/free-ports.ts';
import { createScratchFolder } from '../process/scratch-folder.ts';
import { ServerProcess, startInScratchFolder } from '../process/server-process.ts';
import { requireService } from '../programs.ts';

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

export interface LocalRedis {
  readonly url: string;
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Restarts on the same port; resolves when the server responds. */
  start(): Promise<void>;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

const RESPONSE_WITHIN_MS = 1_000;

/**
 * Starts a real Redis on a free port, with data in a temporary folder. The kernel kills it when this
 * process ends for any reason.
 *
 * @throws Error that names the setup command if redis-server is missing, or contains its log if it did not start.
 */
export async function startRedis({
  persistent = false,
  host = thisMachine,
  more = {},
}: LocalRedisOptions = {}): Promise<LocalRedis> {
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
  const server = new ServerProcess({
    title: 'Redis',
    command: host.enter([redisServer, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]),
    logFile: path.join(scratch.path, 'redis.log'),
    isReady: async () => (await askRedis(port, 'PING', address)).startsWith('+PONG'),
  });
  const stop = await startInScratchFolder(server, scratch);
  return {
    url: `redis://${address}:${port}`,
    address,
    port,
    get pid() {
      return server.pid;
    },
    kill: () => server.kill(),
    start: () => server.start(),
    stop,
  };
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
