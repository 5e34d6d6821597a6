import { fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { AppError, isAppError } from './errors.ts';
import type { ErrorCategory } from './errors.ts';

/** An error as one process sends it to another. A message cannot carry an instance. */
export interface SentError {
  readonly message: string;
  readonly code: string;
  readonly category: ErrorCategory;
  readonly remedy?: string | undefined;
  readonly retryable: boolean;
  /** The stack trace in the sending process. */
  readonly stack?: string | undefined;
}

/** A message from a child process to its parent. */
export type ChildMessage<Result, Progress> =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'done'; readonly result: Result }
  | { readonly type: 'failed'; readonly error: SentError };

export function toSentError(error: unknown): SentError {
  if (isAppError(error)) {
    const { message, code, category, remedy, retryable, stack } = error;
    return { message, code, category, remedy, retryable, stack };
  }
  const { message = String(error), code, stack } = error as NodeJS.ErrnoException;
  // Unknown errors are retried: most of them are outages, and a bug only costs the remaining attempts.
  return { message, code: code ?? 'UNEXPECTED', category: 'internal', retryable: true, stack };
}

export function fromSentError({ message, stack, ...options }: SentError): AppError {
  const error = new AppError(message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Runs in the child of `runChild`: receives one order, executes it, sends the result, and exits. */
export function serveOrder<Order, Result, Progress = never>(
  execute: (order: Order, onProgress: (progress: Progress) => void) => Promise<Result>,
): void {
  const send = (message: ChildMessage<Result, Progress>): Promise<void> =>
    new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
  process.once('message', (order) => {
    execute(order as Order, (progress) => void send({ type: 'progress', progress }))
      .then((result) => send({ type: 'done', result }))
      .catch((error: unknown) => send({ type: 'failed', error: toSentError(error) }))
      .finally(() => process.exit(0));
  });
  void send({ type: 'ready' });
}

export interface ChildOptions<Progress> {
  /** Ends the child. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Options of Node, such as `--max-old-space-size`. */
  readonly execArgv?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Nice value of the child, 0 to 19. Default: that of this process. */
  readonly niceness?: number;
  /** Describes the end of a child that sent no result. */
  readonly describeDeath: (death: ChildDeath) => AppError;
}

export interface ChildDeath {
  /** The signal or exit code, such as `SIGABRT` or `code 1`. */
  readonly cause: string;
  /** The last line of stderr that names an error; empty for none. */
  readonly lastLine: string;
  /** The end of stderr. */
  readonly stderr: string;
}

/** How much of the end of the child's stderr is kept to explain a crash. */
const stderrCharactersMax = 4_000;

/** From SIGTERM to SIGKILL. */
const killAfterMs = 5_000;

/**
 * Executes an order in a child process and returns its result. Native code blocks its thread, leaks memory and may abort, so it
 * must not run in a process that has other work. The child ends with this process.
 *
 * @param file the compiled entry of the child, which calls `serveOrder`.
 * @throws AppError as the child threw it; of `describeDeath` if the child crashed; the reason of the signal.
 */
export async function runChild<Result, Progress = never>(
  file: string,
  order: object,
  { signal, onProgress, execArgv = [], env = process.env, niceness, describeDeath }: ChildOptions<Progress>,
): Promise<Result> {
  signal.throwIfAborted();
  const child = fork(file, [String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env,
    execArgv: [...endWithParent, ...execArgv],
  });
  // Set before the child starts threads, which inherit it.
  if (niceness !== undefined && child.pid !== undefined) setPriority(child.pid, niceness);
  let stderr = '';
  child
    .stderr!.setEncoding('utf8')
    .on('data', (text: string) => (stderr = (stderr + text).slice(-stderrCharactersMax)));
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    killTimer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<Result>((resolve, reject) => {
      let settle: (() => void) | undefined;
      child.on('message', (message: ChildMessage<Result, Progress>) => {
        if (message.type === 'ready') child.send(order, () => undefined);
        else if (message.type === 'progress') onProgress?.(message.progress);
        else if (message.type === 'done') settle = () => resolve(message.result);
        else settle = () => reject(fromSentError(message.error));
      });
      child.on('error', reject);
      // 'close' rather than 'exit': the last messages may arrive after the exit.
      child.once('close', (code, endSignal) => {
        if (signal.aborted) reject(signal.reason as Error);
        else if (settle === undefined) reject(describeDeath(deathOf(endSignal ?? `code ${code}`, stderr)));
        else settle();
      });
    });
  } finally {
    clearTimeout(killTimer);
    child.kill('SIGKILL');
    signal.removeEventListener('abort', stop);
  }
}

function deathOf(cause: string, stderr: string): ChildDeath {
  const lines = stderr.trimEnd().split('\n');
  return { cause, lastLine: lines.findLast((line) => /error\b/i.test(line)) ?? lines.at(-1) ?? '', stderr };
}

/** How long a child may outlive its parent, milliseconds. */
const checkEveryMs = 500;

const watchParent = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
  }, workerData.checkEveryMs);
`;

const preload = `
  import { isMainThread, Worker } from 'node:worker_threads';
  if (isMainThread) {
    const workerData = { parent: Number(process.argv[2]), checkEveryMs: ${checkEveryMs} };
    new Worker(${JSON.stringify(watchParent)}, { eval: true, execArgv: [], workerData }).unref();
    process.once('disconnect', () => process.exit(1));
  }
`;

/**
 * Options of Node that end a process when its parent is gone, so that a killed worker leaves no training behind. They must be the
 * first options, because loading a stage takes seconds. A dedicated thread checks the parent, because native code blocks the main
 * thread. The first argument of the process is the parent's process id, because the parent may already be gone when the child starts.
 */
export const endWithParent: readonly string[] = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
