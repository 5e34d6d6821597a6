import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StageProgress } from '@facet/pipeline/runs';
import { AppError } from '@facet/platform';
import type { ChildMessage } from './messages.ts';

export interface ChildWatch {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: StageProgress) => void;
  /** How Node is started; as this process was, by default. */
  readonly execArgv?: readonly string[];
}

/** What a process said last that explains how it ended. */
const saidCharactersMax = 4_000;
/**
 * Huge pages are asked for by glibc only when it is told to before a process starts. A training, which reads its tables all over, takes a
 * seventh less time for a step on a million items; where there are none, nothing happens.
 */
const hugePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };

/** From asking a process to end to making it. */
const patienceMs = 5_000;

/**
 * Runs one of this folder's children with an order, and gives its result. The child ends with this process.
 *
 * @param name the file of the child, without its extension.
 * @throws AppError as the child threw it; `REFRESH_CHILD_DIED` (retryable) when it ended without a word; the signal's reason.
 */
export async function runChild<Result>(
  name: string,
  order: object,
  { signal, onProgress, execArgv = process.execArgv }: ChildWatch,
): Promise<Result> {
  signal.throwIfAborted();
  const file = fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url));
  const child = fork(file, [String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [...endWithParent, ...execArgv],
    env: { ...hugePages, ...process.env },
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-saidCharactersMax)));
  let impatience: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    impatience = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<Result>((resolve, reject) => {
      let outcome: (() => void) | undefined;
      child.on('message', (message: ChildMessage<Result>) => {
        if (message.type === 'ready') child.send(order);
        else if (message.type === 'progress') onProgress?.(message.progress);
        else if (message.type === 'done') outcome = () => resolve(message.result);
        else outcome = () => reject(new AppError(message.error.message, message.error));
      });
      child.once('error', (error) => reject(error));
      // What it said last may come after it has exited.
      child.once('close', (code, ended) => {
        if (signal.aborted) reject(signal.reason as Error);
        else if (outcome === undefined) reject(died(name, ended ?? `code ${code}`, said));
        else outcome();
      });
    });
  } finally {
    clearTimeout(impatience);
    signal.removeEventListener('abort', stop);
  }
}

function died(name: string, how: string, said: string): AppError {
  const lines = said.trimEnd().split('\n');
  const lastLine = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '';
  return new AppError(`The process of the ${name} ended with ${how}${lastLine === '' ? '.' : `: ${lastLine}`}`, {
    code: 'REFRESH_CHILD_DIED',
    category: 'unavailable',
    remedy: 'If it was killed for its memory, see facet estimate; else the log of the app has what it said.',
    context: { said },
    retryable: true,
  });
}

/** How long the process may live after its parent, milliseconds. */
const lookEveryMs = 500;

const watch = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
  }, workerData.lookEveryMs);
`;

const preload = `
  import { isMainThread, Worker } from 'node:worker_threads';
  if (isMainThread) {
    const workerData = { parent: Number(process.argv[2]), lookEveryMs: ${lookEveryMs} };
    new Worker(${JSON.stringify(watch)}, { eval: true, execArgv: [], workerData }).unref();
    process.once('disconnect', () => process.exit(1));
  }
`;

/**
 * Options of Node that end a process when its parent is gone, however that ended: a worker that was killed must not leave a
 * training behind that goes on. They come first, as loading what a stage needs takes seconds. A thread of its own looks, as
 * native code keeps the main one busy for long. The parent's process id is the first argument of the process: the parent may be
 * gone before it could be asked.
 */
export const endWithParent: readonly string[] = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`];
