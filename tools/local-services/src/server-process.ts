import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

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

export interface ServerProcessOptions {
  /** Name in messages. */
  title: string;
  command: readonly string[];
  /** File that receives the output. */
  logFile: string;
  /** Returns whether the server responds correctly. May throw while it does not. */
  isReady(): Promise<boolean>;
}

const POLL_MS = 50;
const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 30_000;
const LOG_TAIL_CHARS = 2_000;

/**
 * A server that can be restarted, and that the kernel kills when this process ends for any reason. It does not keep
 * this process alive.
 */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | undefined;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  /** Process id of the server, also after it has exited. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`${this.#options.title} has not been started`);
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Starts the server and waits until it is ready.
   *
   * @throws Error with the end of its log, if it exits or takes longer than two minutes.
   */
  async start(): Promise<void> {
    const { title, command, logFile } = this.#options;
    if (this.isRunning) throw new Error(`${title} is already running`);
    const log = openSync(logFile, 'a');
    const [file, ...args] = endWithUs(command);
    const child = spawn(file, args, {
      stdio: ['ignore', log, log],
      // Ctrl-C must reach only this process.
      detached: true,
    });
    closeSync(log);
    let spawnError: Error | undefined;
    child.on('error', (error) => (spawnError = error));
    child.unref();
    this.#child = child;

    const giveUpAt = Date.now() + READY_WITHIN_MS;
    while (!(await this.#options.isReady().catch(() => false))) {
      if (spawnError !== undefined || !this.isRunning) throw await this.#failure('ended while starting', spawnError);
      if (Date.now() > giveUpAt) {
        await this.kill();
        throw await this.#failure(`was not ready after ${READY_WITHIN_MS / 1_000} s`);
      }
      await sleep(POLL_MS);
    }
  }

  /** SIGKILL, which leaves the files as they are at that moment. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM, then SIGKILL if necessary. */
  async stop(): Promise<void> {
    const impatience = setTimeout(() => void this.kill(), STOP_WITHIN_MS);
    await this.#end('SIGTERM');
    clearTimeout(impatience);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined || !this.isRunning) return;
    const exited = once(this.#child, 'exit');
    this.#child.ref();
    this.#child.kill(signal);
    await exited;
  }

  async #failure(what: string, cause?: Error): Promise<Error> {
    const log = await readFile(this.#options.logFile, 'utf8').catch(() => '');
    return new Error(`${this.#options.title} ${what}\n${log.slice(-LOG_TAIL_CHARS)}`, { cause });
  }
}

/** A server on a fixed port, with data in a scratch folder. */
export interface RunningServer {
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Restarts on the same port with the same data; resolves when the server responds. */
  start(): Promise<void>;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts a server whose log and data are in a scratch folder, which is removed if the server does not start.
 *
 * @throws Error as `ServerProcess.start`.
 */
export async function startServer(
  scratch: ScratchFolder,
  options: Omit<ServerProcessOptions, 'logFile'>,
): Promise<RunningServer> {
  const server = new ServerProcess({ ...options, logFile: path.join(scratch.path, 'server.log') });
  const stop = async (): Promise<void> => {
    await server.kill();
    await scratch.remove();
  };
  await orStop(stop, () => server.start());
  return {
    get pid() {
      return server.pid;
    },
    kill: () => server.kill(),
    start: () => server.start(),
    stop,
  };
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
