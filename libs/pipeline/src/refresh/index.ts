export { boundsOf, dayAt, parseDataDay, shiftDay } from './data-day.ts';
export type { DataDay } from './data-day.ts';
export { problemOf, recordStage } from './record-stage.ts';
export type { StageOutcome } from './record-stage.ts';
export { hasEnded, refreshStages, runStates } from './refresh-run.ts';
export type {
  RefreshOutputs,
  RefreshRun,
  RefreshStage,
  RunReport,
  RunState,
  StageProblem,
  StageRecord,
} from './refresh-run.ts';
export { newestDayOver, requestRun } from './request-run.ts';
export type { RefreshRequest, RequestDeps } from './request-run.ts';
export { createRunStore } from './run-store.ts';
export type { LogOffsets, RunRequest, RunStart, RunStore } from './run-store.ts';
export { checkSchedule, dueMomentOf, isScheduled, missingDays, newestDueDay, overdueSeconds } from './schedule.ts';
export type { RefreshSchedule } from './schedule.ts';
export type { StageProgress } from './stage-progress.ts';
