import { fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isErrorCategory } from '@facet/platform';
import type { AppError, ErrorCategory } from '@facet/platform';

/** A compiled app that this command line started. Apps do not import each other. */
export interface AppProcess {
  readonly ready: Announcement;
  /** Resolves with the exit code; 1 if a signal killed the process. */
  readonly ended: Promise<number>;
  /** Sends a signal. The process drains its requests and ends. */
  stop(signal: NodeJS.Signals): void;
}

interface Announcement {
  readonly type: 'listening' | 'ready';
  readonly url: string;
  readonly bundleId?: string;
}

/** The log line of the level `fatal` with which an app ends. */
export interface FatalLine {
  readonly code: string;
  readonly category: ErrorCategory;
  readonly problem: string;
}

function readFatal(line: string): FatalLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, code, category, problem } = JSON.parse(line) as Record<string, unknown>;
    if (level !== 60 || typeof problem !== 'string') return undefined;
    return {
      code: typeof code === 'string' ? code : 'APP_STOPPED',
      category: isErrorCategory(category) ? category : 'unavailable',
      problem,
    };
  } catch {
    return undefined;
  }
}

/**
 * Starts an app and waits until it is ready. Its log goes to standard error.
 *
 * @throws AppError of `failure` if the process ends before; the signal's reason when aborted.
 */
export async function startAppProcess(
  app: 'serving' | 'console',
  options: {
    readonly env: NodeJS.ProcessEnv;
    readonly failure: (fatal: FatalLine | undefined, exitCode: number) => Promise<AppError> | AppError;
  },
  signal: AbortSignal,
): Promise<AppProcess> {
  signal.throwIfAborted();
  const child = fork(fileURLToPath(new URL(`../../../${app}/dist/main.js`, import.meta.url)), {
    env: options.env,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A separate process group: Ctrl-C reaches only this process, which passes it on once.
    detached: true,
  });
  let fatal: FatalLine | undefined;
  const logLines = createInterface({ input: child.stderr! });
  logLines.on('line', (line) => {
    const isFatal = readFatal(line);
    if (isFatal === undefined) process.stderr.write(`${line}\n`);
    else fatal = isFatal;
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const stop = (name: NodeJS.Signals): void => void child.kill(name);
  const onAbort = (): void => stop('SIGTERM');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const ready = await new Promise<Announcement>((resolve, reject) => {
      child.on('message', (message) => {
        const announcement = message as Announcement;
        if (announcement.type === 'ready') resolve(announcement);
      });
      ended.then(async (code) => reject(await options.failure(fatal, code)), reject);
    });
    return { ready, ended, stop };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
