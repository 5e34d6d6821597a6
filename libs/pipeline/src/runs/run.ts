import { isAppError } from '@facet/platform';
import type { ErrorCategory } from '@facet/platform';
import type { DataDay } from './schedule.ts';

/** The stages of a refresh, in order. */
export const refreshStages = ['dataset', 'train', 'evaluate', 'index', 'gate', 'promote'] as const;
export type RefreshStage = (typeof refreshStages)[number];

/** A refresh of one data day, with the inputs that its request fixes. */
export interface RefreshRun {
  /** The day, with a number from the second run on: `2026-01-31`, `2026-01-31-2`. */
  readonly runId: string;
  readonly day: DataDay;
  /** The limits of the events in the dataset, epoch milliseconds, exclusive. */
  readonly cut: { readonly occurredBefore: number; readonly receivedBefore: number };
  /** Runs even if nothing is new or the day was refreshed before. */
  readonly isForced: boolean;
  /** Trains from the beginning, independent of the schedule of full trainings. */
  readonly isFull: boolean;
  /** Why the run reads the data of bad days; absent if bad days stop the run. */
  readonly acceptedBadData?: string;
  /** `here`: the requesting process executes the stages. `queue`: workers execute them. */
  readonly place: 'here' | 'queue';
  /** `schedule`, or the name of the requester. */
  readonly requestedBy: string;
  /** Epoch milliseconds. */
  readonly requestedAt: number;
}

/** The outputs of the stages so far. Each stage adds its own. Ids name artifacts. */
export interface RefreshOutputs {
  readonly datasetId?: string;
  /** The bad days that the run accepted, each with the reasons why it is bad. */
  readonly badDays?: readonly string[];
  /** The model that training starts from; absent for a full training. */
  readonly warmFrom?: string | undefined;
  readonly modelId?: string;
  readonly start?: 'full' | 'warm';
  readonly bundleId?: string;
  /** The bundle that the gate compared with; null if there was none. */
  readonly incumbentId?: string | null;
  readonly verdict?: 'pass' | 'reject';
  /** Why the gate rejects the bundle. */
  readonly reasons?: readonly string[];
  /** Whether the evaluated window has fewer users than the gate requires. */
  readonly hasTooFewUsers?: boolean;
  /** Why the remaining stages are skipped. */
  readonly skipped?: string;
  /** The number of the record in the promotion log. */
  readonly promotion?: number;
}

/** Why a stage failed. */
export interface StageProblem {
  readonly code: string;
  /** Absent for unexpected errors. */
  readonly category?: ErrorCategory;
  readonly message: string;
  readonly remedy?: string | undefined;
}

/** The state of one stage of a run. */
export interface StageRecord {
  readonly stage: RefreshStage;
  readonly state: 'running' | 'finished' | 'failed';
  /** From 1. */
  readonly attempt: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Whether the result of an earlier attempt or run with the same inputs was reused. */
  readonly isReused?: boolean;
  readonly outputs?: RefreshOutputs;
  readonly problem?: StageProblem;
  /** Whether the stage is retried automatically. */
  readonly willRetry?: boolean;
}

/** The progress of a stage, for the console and the API. */
export interface StageProgress {
  /** From 0 to 1. */
  readonly share: number;
  readonly detail: string;
  readonly examplesPerSecond?: number;
  readonly loss?: number;
  /** The longest remaining time. */
  readonly etaSeconds?: number;
  /** The finished epochs of this attempt at the training. */
  readonly epochs?: readonly TrainedEpoch[];
}

/** One epoch of the training curve. */
export interface TrainedEpoch {
  readonly phase: 'fit' | 'refit';
  /** K of the phase: a training may compare several. */
  readonly interests: number;
  /** The labels of the phase. */
  readonly labels: string;
  readonly epoch: number;
  /** The mean loss of its batches. */
  readonly loss: number;
  /** Recall@50 in the validation window; absent in a refit. */
  readonly recall?: number | undefined;
}

export const runStates = ['waiting', 'running', 'promoted', 'rejected', 'skipped', 'failed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];

/** A run with its state and the records of its stages. */
export interface RunReport {
  readonly run: RefreshRun;
  readonly state: RunState;
  /** Why the run was rejected, skipped or canceled, or has failed. */
  readonly reason?: string | undefined;
  /** The stages that have started, in order. */
  readonly stages: readonly StageRecord[];
}

export function hasEnded({ state }: Pick<RunReport, 'state'>): boolean {
  return state !== 'waiting' && state !== 'running';
}

/** Returns whether a run failed although its events were enough: the next run can then reuse the finished stages. */
export function failedWithEnoughEvents({ state, stages }: RunReport): boolean {
  const hasDataset = stages.some((record) => record.stage === 'dataset' && record.state === 'finished');
  const lacksEvents = stages.some(({ problem }) => problem?.category === 'input');
  return state === 'failed' && hasDataset && !lacksEvents;
}

/** Returns whether the gate rejected the bundle of a run because of too few users: more events can change the verdict. */
export function rejectedForTooFewUsers({ state, stages }: RunReport): boolean {
  return state === 'rejected' && stages.at(-1)?.outputs?.hasTooFewUsers === true;
}

/** Derives the state of a run from the records of its stages. */
export function summarizeRun(
  run: RefreshRun,
  stages: readonly StageRecord[],
  cancellation: { readonly reason: string } | undefined,
): RunReport {
  return { run, stages, ...deriveState(stages, cancellation) };
}

function deriveState(
  stages: readonly StageRecord[],
  cancellation: { readonly reason: string } | undefined,
): Pick<RunReport, 'state' | 'reason'> {
  const last = stages.find(({ stage, state }) => stage === 'promote' && state === 'finished');
  const { verdict, reasons = [] } = last?.outputs ?? {};
  if (last !== undefined && verdict !== 'reject') return { state: 'promoted' };
  // A stage that was running may end after the cancellation.
  if (cancellation !== undefined) return { state: 'cancelled', reason: cancellation.reason };
  const skipped = stages.find(({ outputs }) => outputs?.skipped !== undefined)?.outputs?.skipped;
  if (skipped !== undefined) return { state: 'skipped', reason: skipped };
  if (last !== undefined) return { state: 'rejected', reason: reasons.join(' ') };
  const failed = stages.find(({ state, willRetry }) => state === 'failed' && willRetry !== true);
  if (failed !== undefined) {
    const { stage, problem } = failed;
    return { state: 'failed', reason: `${stage}: ${problem?.message ?? 'no reason was recorded'}` };
  }
  return { state: stages.length === 0 ? 'waiting' : 'running' };
}

export function toProblem(error: unknown): StageProblem {
  const message = error instanceof Error ? error.message : String(error);
  if (isAppError(error)) return { code: error.code, category: error.category, message, remedy: error.remedy };
  return { code: (error as NodeJS.ErrnoException).code ?? 'UNEXPECTED', message };
}
