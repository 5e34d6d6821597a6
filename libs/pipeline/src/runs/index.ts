export { boundsOf, dayAt, parseDataDay, shiftDay } from './data-day.ts';
export type { DataDay } from './data-day.ts';
export { newestDayOver, requestRun } from './request-run.ts';
export type { RefreshRequest, RequestDeps } from './request-run.ts';
export { createRunStore, recordStage } from './run-store.ts';
export type { LogOffsets, NewRun, RunStart, RunStore, StageOutcome } from './run-store.ts';
export { hasEnded, refreshStages, runStates, toProblem } from './run.ts';
export type {
  RefreshOutputs,
  RefreshRun,
  RefreshStage,
  RunReport,
  RunState,
  StageProblem,
  StageProgress,
  StageRecord,
} from './run.ts';
export { checkSchedule, dueMomentOf, isScheduled, missingDays, newestDueDay, overdueSeconds } from './schedule.ts';
export type { RefreshSchedule } from './schedule.ts';
