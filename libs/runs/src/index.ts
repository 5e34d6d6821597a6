/*
 * Stores the requests and records of refreshes on disk, and computes which day is due.
 * Start with `requestRun`, `createRunStore` and `nextRefreshes`.
 * Imports no `@facet/stages` and no `@facet/tf-graph`: APIs and the console read runs through this lib.
 */
export { readDeltaMemo, writeDeltaMemo } from './delta-memo.ts';
export { describeEpoch, describeFitChoice, describePhase, trainingPhaseNames } from './describe-fit.ts';
export { fitChoice, FitScore, Lineage } from './lineage.ts';
export { cancelRun, newestDayOver, recordCancellations, requestRun } from './request-run.ts';
export type { RefreshRequest, RequestDeps } from './request-run.ts';
export { runStage } from './run-stage.ts';
export { createRunStore } from './run-store.ts';
export type { LogOffsets, RunStart, RunStore } from './run-store.ts';
export { hasEnded, refreshStages, rejectedForTooFewUsers, RunReport, toProblem } from './run.ts';
export type {
  RefreshOutputs,
  RefreshRun,
  RefreshStage,
  StageProgress,
  StageRecord,
  StageResult,
  TrainedEpoch,
} from './run.ts';
export { boundsOf, dayAt, isScheduled, missingDays, nextRefreshes, overdueSeconds, shiftDay } from './schedule.ts';
export type { DataDay, RefreshSchedule } from './schedule.ts';
