import { epochMs, isAppError } from '@facet/platform';
import type { ErrorCategory } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The stages of a refresh, in order. */
export const refreshStages = ['dataset', 'train', 'evaluate', 'index', 'gate', 'promote'] as const;
export type RefreshStage = (typeof refreshStages)[number];

const Time = epochMs('Epoch milliseconds.');

/** A refresh of one data day, with the inputs that its request fixes. */
const RefreshRun = Type.Object({
  /** The day, with a number from the second run on: `2026-01-31`, `2026-01-31-2`. */
  runId: Type.String(),
  day: Type.String({ description: 'The data day.' }),
  /** The limits of the events in the dataset, exclusive. */
  cut: Type.Object({ occurredBefore: Time, receivedBefore: Time }),
  /** Runs even if nothing is new or the day was refreshed before. */
  isForced: Type.Boolean(),
  /** Trains from the beginning, independent of the schedule of full trainings. */
  isFull: Type.Boolean(),
  acceptedBadData: Type.Optional(Type.String({ description: 'Why bad days do not stop the run.' })),
  place: Type.Enum(['here', 'queue'], {
    description: '`here`: `facet refresh` executes the stages in its own process. `queue`: workers execute them.',
  }),
  /** `schedule`, or the name of the requester. */
  requestedBy: Type.String(),
  requestedAt: Time,
});
export type RefreshRun = Static<typeof RefreshRun>;

/** The outputs of the stages so far. Each stage adds its own. Ids name artifacts. */
const RefreshOutputs = Type.Partial(
  Type.Object({
    datasetId: Type.String(),
    badDays: Type.Immutable(
      Type.Array(Type.String(), { description: 'The bad days that the run accepted, each with its reasons.' }),
    ),
    warmFrom: Type.String({ description: 'The model that training started from.' }),
    modelId: Type.String(),
    start: Type.Union([Type.Literal('full'), Type.Literal('warm')]),
    bundleId: Type.String(),
    /** The bundle that the gate compared with; null if there was none. */
    incumbentId: Type.Union([Type.String(), Type.Null()]),
    verdict: Type.Union([Type.Literal('pass'), Type.Literal('reject')]),
    /** Why the gate rejects the bundle. */
    reasons: Type.Immutable(Type.Array(Type.String())),
    hasTooFewUsers: Type.Boolean({
      description: 'Whether the evaluated window has fewer users than the gate requires.',
    }),
    /** Why the remaining stages are skipped. */
    skipped: Type.String(),
    promotion: Type.Integer({ description: 'The number of the record in the promotion log.' }),
  }),
  { description: 'The outputs of the stages up to this one.' },
);
export type RefreshOutputs = Static<typeof RefreshOutputs>;

/** The state of one stage of a run. */
const StageRecord = Type.Object({
  stage: Type.Enum([...refreshStages]),
  state: Type.Union([Type.Literal('running'), Type.Literal('finished'), Type.Literal('failed')]),
  attempt: Type.Integer({ description: '1 for the first.' }),
  startedAt: Time,
  endedAt: Type.Optional(Time),
  isReused: Type.Optional(Type.Boolean({ description: 'Whether an earlier result was reused.' })),
  /** Whether the stage is retried automatically. */
  willRetry: Type.Optional(Type.Boolean()),
  outputs: Type.Optional(RefreshOutputs),
  /** Why the stage failed. */
  problem: Type.Optional(
    Type.Object({
      code: Type.String(),
      category: Type.Optional(
        Type.Unsafe<ErrorCategory>(Type.String({ description: 'Absent for unexpected errors.' })),
      ),
      message: Type.String(),
      remedy: Type.Optional(Type.String()),
    }),
  ),
});
export type StageRecord = Static<typeof StageRecord>;

/** The result of a stage. */
export interface StageResult<Output> {
  readonly output: Output;
  /** Whether the stored output of an earlier execution with the same inputs was reused. */
  readonly isReused: boolean;
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

/** A run with its state and the records of its stages, as the disk stores it and the API returns it. */
export const RunReport = Type.Object(
  {
    run: RefreshRun,
    state: Type.Enum(['waiting', 'running', 'promoted', 'rejected', 'skipped', 'failed', 'canceled']),
    reason: Type.Optional(
      Type.String({ description: 'Why the run was rejected, skipped or canceled, or has failed.' }),
    ),
    /** The stages that have started, in order. */
    stages: Type.Immutable(Type.Array(StageRecord)),
  },
  { title: 'Refresh', description: 'A refresh of one data day.' },
);
export type RunReport = Static<typeof RunReport>;

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
  if (cancellation !== undefined) return { state: 'canceled', reason: cancellation.reason };
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

export function toProblem(error: unknown): NonNullable<StageRecord['problem']> {
  const message = error instanceof Error ? error.message : String(error);
  if (isAppError(error)) return { code: error.code, category: error.category, message, remedy: error.remedy };
  return { code: (error as NodeJS.ErrnoException).code ?? 'UNEXPECTED', message };
}
