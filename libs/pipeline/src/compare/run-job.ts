import { getPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { GateSettings } from '@facet/config';
import { AppError, runChild } from '@facet/platform';
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
    };

export type JobResult<Kind extends JobTask['kind']> = Kind extends 'compare' ? SampleComparison : GateReport;

/**
 * Runs a task in a low-priority process with dedicated memory. A task that needs too much memory or crashes in native code does not end the
 * caller. The process ends with the caller.
 *
 * @param signal ends the process.
 * @throws AppError of the task; `JOB_CRASHED`; the signal's reason when aborted.
 */
export async function runJob<Task extends JobTask>(
  task: Task,
  { onProgress, signal }: { readonly onProgress: (share: number) => void; readonly signal: AbortSignal },
): Promise<JobResult<Task['kind']>> {
  return runChild(fileURLToPath(import.meta.resolve('@facet/pipeline/job-process')), task, {
    signal,
    onProgress,
    // Requests go first.
    niceness: Math.max(10, getPriority()),
    describeDeath: ({ cause, lastLine, stderr }) =>
      new AppError(`The process of the job ended with ${cause}${lastLine === '' ? '.' : `: ${lastLine}`}`, {
        code: 'JOB_CRASHED',
        category: 'crashed',
        context: { stderr },
      }),
  });
}
