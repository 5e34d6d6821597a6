import { isAppError } from '@facet/platform';
import type { DataDay } from './data-day.ts';

/** The stages of a refresh, in order. */
export const refreshStages = ['dataset', 'train', 'evaluate', 'index', 'gate', 'promote'] as const;
export type RefreshStage = (typeof refreshStages)[number];

/** A refresh of one data day: what was asked for, fixed when it was. */
export interface RefreshRun {
  /** The day, and from its second run on a number: `2026-01-31`, `2026-01-31-2`. */
  readonly runId: string;
  readonly day: DataDay;
  /** Epoch milliseconds, half-open: which events its dataset is made of. */
  readonly cut: { readonly occurredBefore: number; readonly receivedBefore: number };
  /** Also when nothing is new in the data, or the day has been refreshed. */
  readonly isForced: boolean;
  /** Trains from the beginning, whatever the schedule of full retrains says. */
  readonly isFull: boolean;
  /** `here`: the stages are done by the process that asked. `queue`: by workers. */
  readonly place: 'here' | 'queue';
  /** `schedule`, or who asked. */
  readonly requestedBy: string;
  /** Epoch milliseconds. */
  readonly requestedAt: number;
}

/** What the stages of a run hand on, each the outputs of those before with its own added. Ids name artifacts. */
export interface RefreshOutputs {
  readonly datasetId?: string;
  /** The model that training starts from; absent: it starts anew. */
  readonly warmFrom?: string;
  readonly modelId?: string;
  readonly start?: 'full' | 'warm';
  readonly bundleId?: string;
  /** The bundle that the gate compared with; null: there was none. */
  readonly incumbentId?: string | null;
  readonly verdict?: 'pass' | 'reject';
  /** Why the gate rejects. */
  readonly reasons?: readonly string[];
  /** Why nothing more is to be done: the stages behind are left out. */
  readonly skipped?: string;
  /** The number of the record in the promotion log. */
  readonly promotion?: number;
}

/** Why a stage failed, as an error says it. */
export interface StageProblem {
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
}

/** Where a stage of a run stands. */
export interface StageRecord {
  readonly stage: RefreshStage;
  readonly state: 'running' | 'finished' | 'failed';
  /** 1 for the first. */
  readonly attempt: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Whether an earlier attempt or run with the same inputs had done it. */
  readonly isReused?: boolean;
  readonly outputs?: RefreshOutputs;
  readonly problem?: StageProblem;
  /** Whether the stage is tried again by itself. */
  readonly willRetry?: boolean;
}

export const runStates = ['waiting', 'running', 'promoted', 'rejected', 'skipped', 'failed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];

/** A run with all that is known of it. */
export interface RunReport {
  readonly run: RefreshRun;
  readonly state: RunState;
  /** Why it was rejected, skipped, failed or cancelled. */
  readonly reason?: string;
  /** Those that have begun, in order. */
  readonly stages: readonly StageRecord[];
}

const endStates: readonly RunState[] = ['promoted', 'rejected', 'skipped', 'failed', 'cancelled'];

export function hasEnded({ state }: Pick<RunReport, 'state'>): boolean {
  return endStates.includes(state);
}

/** What the records of a run say of it as a whole. */
export function summarizeRun(
  run: RefreshRun,
  stages: readonly StageRecord[],
  cancelled: { readonly because: string } | undefined,
): RunReport {
  return { run, stages, ...stateOf(stages, cancelled) };
}

function stateOf(
  stages: readonly StageRecord[],
  cancelled: { readonly because: string } | undefined,
): Pick<RunReport, 'state' | 'reason'> {
  const skipping = stages.find(({ outputs }) => outputs?.skipped !== undefined);
  if (skipping !== undefined) return { state: 'skipped', reason: skipping.outputs!.skipped! };
  const last = stages.find(({ stage }) => stage === 'promote');
  if (last?.state === 'finished') return outcomeOf(last.outputs ?? {});
  if (cancelled !== undefined) return { state: 'cancelled', reason: cancelled.because };
  const failed = stages.find(({ state, willRetry }) => state === 'failed' && willRetry !== true);
  if (failed !== undefined) {
    const { stage, problem } = failed;
    return { state: 'failed', reason: `${stage}: ${problem?.message ?? 'it ended without a word'}` };
  }
  return { state: stages.length === 0 ? 'waiting' : 'running' };
}

function outcomeOf({ verdict, reasons = [] }: RefreshOutputs): Pick<RunReport, 'state' | 'reason'> {
  return verdict === 'reject' ? { state: 'rejected', reason: reasons.join(' ') } : { state: 'promoted' };
}

export function toProblem(error: unknown): StageProblem {
  const message = error instanceof Error ? error.message : String(error);
  if (!isAppError(error)) return { code: (error as NodeJS.ErrnoException).code ?? 'UNEXPECTED', message };
  return { code: error.code, message, ...(error.remedy === undefined ? {} : { remedy: error.remedy }) };
}

/** How far a stage is, as people and the console are told. */
export interface StageProgress {
  /** Of the stage, 0 to 1. */
  readonly share: number;
  readonly detail: string;
  readonly examplesPerSecond?: number;
  readonly loss?: number;
  /** Until the stage is done, or earlier. */
  readonly etaSeconds?: number;
}
