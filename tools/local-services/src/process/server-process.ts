import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScratchFolder } from './scratch-folder.ts';

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

/**
 * Starts a server whose data is in a scratch folder. Returns a function that kills it and removes the folder, which also happens if it
 * does not start.
 *
 * @throws Error as `ServerProcess.start`.
 */
export async function startInScratchFolder(
  server: ServerProcess,
  scratch: ScratchFolder,
): Promise<() => Promise<void>> {
  const stop = async (): Promise<void> => {
    await server.kill();
    await scratch.remove();
  };
  try {
    await server.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
