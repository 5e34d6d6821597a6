import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { StageProgress } from '@facet/pipeline/runs';
import { AppError } from '@facet/platform';
import type { ChildMessage } from './messages.ts';

export interface ChildOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
}

/** How much of the end of the child's stderr is kept to explain a crash. */
const stderrCharactersMax = 4_000;

/**
 * glibc uses huge pages only if this variable is set before the process starts. A training step on a million items then takes a
 * seventh less time. Without huge pages the variable has no effect.
 */
const hugePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };

/** The heap limits of this process, such as `--max-old-space-size`. They also apply to its children. */
const heapLimits = process.execArgv.filter((option) => option.startsWith('--max-'));

/** From SIGTERM to SIGKILL. */
const killAfterMs = 5_000;

/**
 * Executes an order in a child process and returns its result. Native code blocks its thread, leaks memory and may abort, so it
 * must not run in the worker's own process. The child ends with this process.
 *
 * @param name the entry of the child, as this package exports it.
 * @throws AppError as the child threw it; `REFRESH_CHILD_DIED` (retryable) if the child crashed; the reason of the signal.
 */
export async function runChild<Result>(
  name: 'stage' | 'delta',
  order: object,
  { signal, onProgress }: ChildOptions,
): Promise<Result> {
  signal.throwIfAborted();
  const file = fileURLToPath(import.meta.resolve(`@facet/refresh/${name}`));
  const child = fork(file, [String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [...endWithParent, ...heapLimits],
    env: { ...hugePages, ...process.env },
  });
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
      child.on('message', (message: ChildMessage<Result>) => {
        if (message.type === 'ready') child.send(order);
        else if (message.type === 'progress') onProgress?.(message.progress);
        else if (message.type === 'done') settle = () => resolve(message.result);
        else settle = () => reject(new AppError(message.error.message, message.error));
      });
      child.once('error', reject);
      // 'close' rather than 'exit': the last messages may arrive after the exit.
      child.once('close', (code, endSignal) => {
        if (signal.aborted) reject(signal.reason as Error);
        else if (settle === undefined) reject(childDied(name, endSignal ?? `code ${code}`, stderr));
        else settle();
      });
    });
  } finally {
    clearTimeout(killTimer);
    signal.removeEventListener('abort', stop);
  }
}

function childDied(name: string, cause: string, stderr: string): AppError {
  const lines = stderr.trimEnd().split('\n');
  const lastLine = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '';
  return new AppError(`The ${name} process ended with ${cause}${lastLine === '' ? '.' : `: ${lastLine}`}`, {
    code: 'REFRESH_CHILD_DIED',
    category: 'unavailable',
    remedy:
      'If the system killed the process for its memory, run facet estimate. Otherwise read the log of the worker.',
    context: { stderr },
    retryable: true,
  });
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
