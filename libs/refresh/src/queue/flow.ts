import { refreshStages } from '@facet/runs';
import type { RefreshRun, RefreshStage } from '@facet/runs';
import type { FlowJob, JobsOptions } from 'bullmq';

export const workers = ['trainer', 'indexer'] as const;
export type WorkerName = (typeof workers)[number];

/** Which worker executes which stage. */
export const workerOf: Readonly<Record<RefreshStage, WorkerName>> = {
  dataset: 'trainer',
  train: 'trainer',
  evaluate: 'trainer',
  index: 'indexer',
  gate: 'indexer',
  promote: 'indexer',
};

/** The data of a job. The worker reads everything else from the record of the run and from the child jobs. */
export interface StageJobData {
  readonly runId: string;
  /** Distinguishes this run from a run of the same id in another home. */
  readonly requestedAt: number;
}

/** Returns whether a job belongs to this run, and not to a run of the same id in another home. */
export function belongsTo(job: StageJobData, run: Pick<RefreshRun, 'runId' | 'requestedAt'>): boolean {
  return job.runId === run.runId && job.requestedAt === run.requestedAt;
}

export function jobIdOf(runId: string, stage: RefreshStage): string {
  return `${runId}-${stage}`;
}

const attemptsDefault = 3;
const backoffMsDefault = 10_000;
const kept = { age: 14 * 24 * 3600, count: 600 };

/** How often a stage is attempted if its failures are retryable; 3 times by default. */
export interface RetryPolicy {
  readonly attempts?: number;
  /** The delay after the first failed attempt, doubled after each further one; 10 seconds by default. */
  readonly backoffMs?: number;
}

/** Returns the jobs of a run: each stage is the parent of the stage before it, and the last stage is the root. */
export function flowOf(
  { runId, requestedAt }: Pick<RefreshRun, 'runId' | 'requestedAt'>,
  { attempts = attemptsDefault, backoffMs = backoffMsDefault }: RetryPolicy,
): FlowJob {
  const jobOptions: JobsOptions = {
    attempts,
    backoff: { type: 'exponential', delay: backoffMs },
    removeOnComplete: kept,
    removeOnFail: kept,
  };
  return refreshStages.reduce<FlowJob | undefined>((child, stage) => {
    const isRoot = stage === refreshStages.at(-1);
    return {
      name: stage,
      queueName: workerOf[stage],
      data: { runId, requestedAt } satisfies StageJobData,
      opts: {
        ...jobOptions,
        jobId: jobIdOf(runId, stage),
        // After a failed child the parent runs and fails with the child's reason, so that the reason reaches the root.
        ...(isRoot ? {} : { continueParentOnFailure: true }),
      },
      ...(child === undefined ? {} : { children: [child] }),
    };
  }, undefined)!;
}
