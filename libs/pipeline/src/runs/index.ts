export { boundsOf, dayAt, parseDataDay, shiftDay } from './data-day.ts';
export { newestDayOver, requestRun } from './request-run.ts';
export type { RefreshRequest, RequestDeps } from './request-run.ts';
export { createRunStore, recordStage } from './run-store.ts';
export type { NewRun, RunStore, StageOutcome } from './run-store.ts';
export { hasEnded, refreshStages, runStates, toProblem } from './run.ts';
export type { RefreshOutputs, RefreshRun, RefreshStage, RunReport, StageProgress, StageRecord } from './run.ts';
export { dueMomentOf, isScheduled, missingDays, newestDueDay, nextRefreshes, overdueSeconds } from './schedule.ts';
export type { RefreshSchedule } from './schedule.ts';
