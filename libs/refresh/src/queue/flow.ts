import { refreshStages } from '@facet/pipeline/runs';
import type { RefreshRun, RefreshStage } from '@facet/pipeline/runs';
import type { FlowJob, JobsOptions } from 'bullmq';

/** Who works on which stages. */
export const workers = ['trainer', 'indexer'] as const;
export type WorkerName = (typeof workers)[number];

export const workerOf: Readonly<Record<RefreshStage, WorkerName>> = {
  dataset: 'trainer',
  train: 'trainer',
  evaluate: 'trainer',
  index: 'indexer',
  gate: 'indexer',
  promote: 'indexer',
};

/** What a job carries; everything else is in the run's records and in what its child returned. */
export interface StageJobData {
  readonly runId: string;
  /** Of the run: another home may have one of the same name. */
  readonly requestedAt: number;
}

/** Whether a job is of this run, and not of one that has its name elsewhere. */
export function isOf(job: StageJobData, run: Pick<RefreshRun, 'runId' | 'requestedAt'>): boolean {
  return job.runId === run.runId && job.requestedAt === run.requestedAt;
}

/** The id of a stage's job, the same whoever makes it. */
export function jobIdOf(runId: string, stage: RefreshStage): string {
  return `${runId}-${stage}`;
}

const backoffMsDefault = 10_000;
const kept = { age: 14 * 24 * 3600, count: 600 };

/** How often a stage is tried. */
export interface RetryPolicy {
  readonly attempts: number;
  /** From the first failed attempt to the next, doubled each time; 10 seconds by default. */
  readonly backoffMs?: number;
}

/** The jobs of a run: each stage is the parent of the one before it, and the root is the last. */
export function flowOf(
  { runId, requestedAt }: Pick<RefreshRun, 'runId' | 'requestedAt'>,
  { attempts, backoffMs = backoffMsDefault }: RetryPolicy,
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
        // The parent is worked on, and fails with the child's reason: so the reason reaches the root.
        ...(isRoot ? {} : { continueParentOnFailure: true }),
      },
      ...(child === undefined ? {} : { children: [child] }),
    };
  }, undefined)!;
}
