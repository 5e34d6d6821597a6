export { fitChoice, Lineage } from '../lineage/lineage.ts';
export { readDeltaMemo } from '../delta/delta-memo.ts';
export { cancelRun, watchCancellation, newestDayOver, requestRun } from './request-run.ts';
export {
  boundsOf,
  dayAt,
  parseDataDay,
  shiftDay,
  dueMomentOf,
  isScheduled,
  missingDays,
  newestDueDay,
  nextRefreshes,
  overdueSeconds,
} from './schedule.ts';
export type { RefreshRequest, RequestDeps } from './request-run.ts';
export { recordStage, createRunStore } from './run-store.ts';
export type { NewRun, RunStore } from './run-store.ts';
export { hasEnded, refreshStages, rejectedForTooFewUsers, RunReport, toProblem } from './run.ts';
export type { RefreshOutputs, RefreshRun, RefreshStage, StageProgress, StageRecord } from './run.ts';
export { describeEpoch } from '../training/training-progress.ts';
export type { RefreshSchedule } from './schedule.ts';
export type { StageResult } from '../stage.ts';
