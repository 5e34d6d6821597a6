import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findHostPrograms, findServices } from '@facet/setup/services';

/**
 * Wraps a command so that the kernel kills it when this process ends for any reason.
 *
 * @param uid User id of the command; only root may choose it.
 */
export function endWithUs(command: readonly string[], uid?: number): [file: string, ...args: string[]] {
  const user =
    uid === undefined || process.getuid?.() !== 0 ? [] : [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return ['setpriv', '--pdeathsig', 'KILL', ...user, ...command];
}

export interface ServerOptions {
  /** Name in messages. */
  readonly name: string;
  readonly command: readonly string[];
  /** Returns whether the server responds correctly. May throw while it does not. */
  readonly isReady: () => Promise<boolean>;
  /** Longest time until it is ready; 120 by default. */
  readonly readySeconds?: number;
  /** Environment variables; those of this process by default. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workingFolder?: string;
  /** User id of the server. Only root may choose it. */
  readonly uid?: number | undefined;
}

/** Characters of output kept to explain a failure. */
const outputCharactersMax = 20_000;

/**
 * A server that can be restarted, and that the kernel kills when this process ends for any reason. It does not keep
 * this process alive.
 */
export class ServerProcess {
  readonly name: string;
  readonly #options: ServerOptions;
  readonly #pids: number[] = [];
  #child: ChildProcess | undefined;
  #output = '';

  constructor(options: ServerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Process id of the server, also after it has exited. */
  get pid(): number {
    return this.#pids.at(-1)!;
  }

  /** The process ids of all starts, the newest last. */
  get pids(): readonly number[] {
    return this.#pids;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last output of all starts. */
  get output(): string {
    return this.#output;
  }

  /**
   * Starts the server and waits until it is ready, on the same port and with the same data each time.
   *
   * @throws Error with its output, if it exits or is not ready in time.
   */
  async start(): Promise<void> {
    const { name, command, isReady, readySeconds = 120, env, workingFolder, uid } = this.#options;
    if (this.isRunning) throw new Error(`${name} is already running`);
    const [file, ...args] = endWithUs(command, uid);
    const child = spawn(file, args, {
      cwd: workingFolder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C must reach only this process.
      detached: true,
    });
    child.unref();
    const keep = (text: unknown): void => void (this.#output = `${this.#output}${text}`.slice(-outputCharactersMax));
    child.on('error', keep);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', keep);
      (stream as Socket).unref();
    }
    this.#child = child;
    this.#pids.push(child.pid ?? 0);
    const look = async (): Promise<boolean> => {
      if (!this.isRunning) throw new Error(`exited with ${child.exitCode ?? child.signalCode}`);
      return isReady().catch(() => false);
    };
    await until('the start', look, readySeconds).catch(async ({ message }: Error) => {
      await this.kill();
      throw new Error(`${name} ${message}; output:\n${this.#output}`);
    });
  }

  /** SIGKILL, which leaves the files as they are at that moment. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM. Resolves with the exit code; null if a signal ended it. */
  async stop(): Promise<number | null> {
    await this.#end('SIGTERM');
    return this.#child?.exitCode ?? null;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined || !this.isRunning) return;
    const exited = once(this.#child, 'exit');
    this.#child.ref();
    this.#child.kill(signal);
    await exited;
  }
}

/**
 * Starts a server with data in a scratch folder, which `stop` removes. If the server does not start, removes the folder, too.
 *
 * @throws Error as `ServerProcess.start`.
 */
export async function startServer(scratch: ScratchFolder, options: ServerOptions) {
  const server = new ServerProcess(options);
  const stop = async (): Promise<void> => {
    await server.kill();
    await scratch.remove();
  };
  await orStop(stop, () => server.start());
  return Object.assign(server as Omit<ServerProcess, 'stop'>, { stop });
}

/** Calls `start`, and if it fails `stop`. */
export async function orStop<Result>(stop: () => Promise<void>, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    await stop();
    throw error;
  }
}

export interface ScratchFolder {
  path: string;
  remove(): Promise<void>;
}

/** Removes the folder twice, because a dying process may still write during the first attempt. */
const REMOVE_AT_END_OF_INPUT = 'cat > /dev/null; rm -rf "$1" 2> /dev/null || { sleep 1; rm -rf "$1"; }';

/**
 * Creates a temporary folder that is removed when this process ends for any reason: a shell waits for the end of a
 * pipe, which the kernel closes.
 */
export async function createScratchFolder(name: string): Promise<ScratchFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), `facet-${name}-`));
  const keeper = spawn('sh', ['-c', REMOVE_AT_END_OF_INPUT, 'sh', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Ctrl-C must reach only this process.
    detached: true,
  });
  keeper.unref();
  (keeper.stdin as Socket).unref();
  return {
    path: folder,
    async remove() {
      if (keeper.exitCode !== null) return;
      const exited = once(keeper, 'exit');
      keeper.ref();
      keeper.stdin.end();
      await exited;
    },
  };
}

const pollMs = 40;

/** Polls `look` until it returns a value other than false. @throws Error that names `what` after `seconds`. */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | false | undefined>,
  seconds = 180,
): Promise<Found> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${what}: timed out after ${seconds} s`);
    await sleep(pollMs);
  }
}

/** Below the ephemeral ports of Linux, so no outgoing connection takes a port while its server is down. */
const FIRST_PORT = 20_000;
const PORTS = 6_000;

/**
 * Returns ports of 127.0.0.1 without a listener. While this process lives, no other call returns them, in any process:
 * for each, the process listens on the port 6,000 above.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const reservation = await listen(port + PORTS);
    if (reservation === undefined) continue;
    reservation.unref();
    const server = await listen(port);
    if (server === undefined) continue;
    await new Promise((resolve) => server.close(resolve));
    found.push(port);
  }
  return found;
}

/** Returns a server that listens on the port, or `undefined` if another does. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server));
  });
}

const titles = {
  kafkaJars: 'Kafka',
  java: 'Java',
  redisServer: 'redis-server',
  openssl: 'openssl',
  chromium: 'Chromium',
  promtool: 'promtool',
  s3Server: 'versitygw',
  ip: 'ip',
  haproxy: 'HAProxy',
} as const;

/**
 * Returns the absolute path of a program that setup installs for tests.
 *
 * @throws Error that names the setup command.
 */
export function requireService(name: keyof typeof titles): string {
  const hosts = findHostPrograms(process.env);
  const found = { ...findServices(process.env), ...hosts }[name];
  if (found !== undefined) return found;
  const other = name === 's3Server' ? '--s3' : '--services';
  const option = name in hosts ? '--hosts' : other;
  throw new Error(`${titles[name]} is missing on this machine. Run: node tools/setup/setup.mjs ${option}`);
}
