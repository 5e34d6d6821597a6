/*
 * Executes refreshes as jobs on Redis: the queue, its workers and the scheduler.
 * Start with `openRefreshQueue`, `startStageWorker` and `startScheduler`. `@facet/refresh/execution` executes a run in this process.
 * Imports no `@facet/stages/training` and no `@facet/benchmark`: child processes execute stages.
 */
export { startDeltaWatcher } from './delta-watcher.ts';
export { followRun } from './follow-run.ts';
export type { RunNews } from './follow-run.ts';
export type { QueueOptions } from './queue/connection.ts';
export { claimQueue, withQueueInstallation, openRefreshQueue } from './queue/refresh-queue.ts';
export type { RefreshQueue } from './queue/refresh-queue.ts';
export { startStageWorker } from './queue/job-worker.ts';
export { runsReadMax, scheduleName, startScheduler } from './scheduler.ts';
export type { Scheduler } from './scheduler.ts';
export { runWorker, createWorkerApp, createWorkerMetrics, workerConfig } from './worker-process.ts';
export type { WorkerAppDeps, WorkerConfig, WorkerParts } from './worker-process.ts';
