import { fork } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { GateSettings } from '@facet/config';
import { AppError, isAppError } from '@facet/platform';
import type { GateReport } from '../gate/gate-report.ts';
import type { CompareOptions, SampleComparison } from './compare-sample.ts';

/** What a job computes: a comparison over a sample of users, or the verdict of the gate about a bundle. */
export type JobTask =
  | ({ readonly kind: 'compare' } & Omit<CompareOptions, 'onProgress'>)
  | {
      readonly kind: 'gate';
      readonly artifactsFolder: string;
      readonly gatesFolder: string;
      readonly bundleId: string;
      readonly incumbentId: string | undefined;
      readonly settings: GateSettings;
      readonly tieSeed: number;
    };

export type JobResult<Kind extends JobTask['kind']> = Kind extends 'compare' ? SampleComparison : GateReport;

/** Facts of an `AppError`, which a message between processes cannot carry as an instance. */
export interface SentProblem {
  readonly message: string;
  readonly code: string;
  readonly category: AppError['category'];
  readonly remedy?: string | undefined;
}

export type JobMessage =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'problem'; readonly problem: SentProblem };

/** Converts an error for a message to another process. Any other error than an `AppError` becomes `INTERNAL`. */
export function toSentProblem(error: unknown): SentProblem {
  if (!isAppError(error)) return { message: 'The job failed.', code: 'INTERNAL', category: 'internal' };
  const { message, code, category, remedy } = error;
  return { message, code, category, remedy };
}

export function fromSentProblem({ message, ...facts }: SentProblem): AppError {
  return new AppError(message, facts);
}

/**
 * Runs a task in a low-priority process with dedicated memory. A task that needs too much memory or crashes in native code does not end the
 * caller. The process ends with the caller.
 *
 * @param signal ends the process.
 * @throws AppError of the task; the signal's reason when aborted.
 */
export async function runJob<Task extends JobTask>(
  task: Task,
  { onProgress, signal }: { readonly onProgress?: (share: number) => void; readonly signal?: AbortSignal } = {},
): Promise<JobResult<Task['kind']>> {
  signal?.throwIfAborted();
  const child = fork(fileURLToPath(import.meta.resolve('@facet/pipeline/job-process')), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  // Requests go first. Set before the child starts threads, which inherit it.
  if (child.pid !== undefined) setPriority(child.pid, Math.max(10, getPriority()));
  const abort = (): void => void child.kill();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', (message: JobMessage) => {
        if (message.type === 'progress') onProgress?.(message.share);
        else if (message.type === 'result') resolve(message.result as JobResult<Task['kind']>);
        else reject(fromSentProblem(message.problem));
      });
      child.once('error', reject);
      // 'close' rather than 'exit': the last messages may arrive after the exit.
      child.once('close', (code, endSignal) =>
        reject(signal?.aborted === true ? signal.reason : new Error(`The job ended with ${endSignal ?? code}.`)),
      );
      child.send(task, () => undefined);
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    child.kill();
  }
}
