import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { GateSettings } from '@facet/config';
import { AppError } from '@facet/platform';
import type { GateReport } from '../gate/gate-report.ts';
import type { CompareOptions, SampleComparison } from './compare-sample.ts';

/** What the thread computes: a comparison of samples, or the verdict of the gate about a bundle. */
export type ThreadTask =
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

export type ThreadResult<Kind extends ThreadTask['kind']> = Kind extends 'compare' ? SampleComparison : GateReport;

/** Facts of an `AppError`, which a message cannot carry as an instance. */
export interface ThreadProblem {
  readonly message: string;
  readonly code: string;
  readonly category: AppError['category'];
  readonly remedy: string | undefined;
}

export type ThreadMessage =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'problem'; readonly problem: ThreadProblem };

/**
 * Runs a task in a low-priority thread with dedicated memory, which is freed when the task ends. The event loop of the caller stays responsive.
 *
 * @param signal ends the thread.
 * @throws AppError of the task; the signal's reason when aborted.
 */
export async function runInThread<Task extends ThreadTask>(
  task: Task,
  { onProgress, signal }: { readonly onProgress?: (share: number) => void; readonly signal?: AbortSignal } = {},
): Promise<ThreadResult<Task['kind']>> {
  const worker = new Worker(fileURLToPath(import.meta.resolve('@facet/pipeline/compare-worker')), {
    workerData: task,
    execArgv: [],
  });
  const abort = (): void => void worker.terminate();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      worker.on('message', (message: ThreadMessage) => {
        if (message.type === 'progress') onProgress?.(message.share);
        else if (message.type === 'result') resolve(message.result as ThreadResult<Task['kind']>);
        else {
          const { message: text, ...facts } = message.problem;
          reject(new AppError(text, facts));
        }
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(signal?.aborted === true ? signal.reason : new Error('The thread has ended.')));
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}
