import { hasEnded, toProblem } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunReport, RunStore } from '@facet/pipeline/runs';
import { minuteMs } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Queue, Worker } from 'bullmq';
import {
  callQueue,
  closeWithin,
  connectClient,
  connectWorker,
  findUnsafeSettings,
  prefixOf,
} from '../queue/connection.ts';
import type { QueueOptions } from '../queue/connection.ts';
import type { RefreshQueue } from '../queue/refresh-queue.ts';
import { reconcileSchedule } from './reconcile.ts';
import { requestDueRun, runsReadMax } from './request-due-run.ts';
import { createSchedulerLock } from './scheduler-lock.ts';

export interface SchedulerDeps {
  readonly runs: RunStore;
  readonly queue: RefreshQueue;
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

export interface SchedulerOptions extends QueueOptions {
  readonly schedule: RefreshSchedule;
  /** The time between two rounds; a minute by default. */
  readonly everyMs?: number;
}

export interface Scheduler {
  /** Whether this process maintains the schedule. */
  readonly isHolder: boolean;
  /** Runs a round now. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

/** The name of the queue in Redis whose jobs request the due refresh. */
const dueQueue = 'kickoff';
const closeWithinMs = 3_000;
/** A lock lasts longer than two rounds of its holder, so that one delayed round does not lose it. */
const lockRounds = 2.5;
const lockMsMin = 10_000;
/** A run without a queue that is silent for longer has no process. A stage may keep the process busy for minutes. */
const silentMsMax = 15 * minuteMs;
/** A younger run without jobs is left alone, because its requester may still be creating them. */
const queueingMsMax = 15_000;

/**
 * Maintains the schedule, in one process at a time. At the start and every minute, it restores the schedule and requests the due
 * refresh. It also restores lost jobs, completes cancellations, removes the jobs of canceled runs, and records failures that no worker
 * recorded. The scheduled jobs only make that request happen at the exact second. They have a dedicated queue: a job is created when the job before it
 * starts, so a job must never wait behind a training.
 */
export function startScheduler(deps: SchedulerDeps, options: SchedulerOptions): Scheduler {
  const { logger, now } = deps;
  const { schedule, everyMs = minuteMs } = options;
  const prefix = prefixOf(options);
  const redis = connectClient(options);
  const queue = new Queue(dueQueue, { connection: redis, prefix });
  queue.on('error', () => undefined);
  const lock = createSchedulerLock(redis, `${prefix}:scheduler`, Math.max(lockMsMin, lockRounds * everyMs));
  let isHolder = false;
  let isChecked = false;

  async function runRound(): Promise<void> {
    isHolder = await callQueue(redis, () => lock.hold());
    if (!isHolder) return;
    if (!isChecked) {
      for (const problem of await findUnsafeSettings(redis)) {
        logger.warn({ problem }, 'Redis is not configured for a queue');
      }
      isChecked = true;
    }
    const repairs = await reconcileSchedule(queue, schedule, now());
    if (repairs.length > 0) {
      logger.info({ repairs, cron: schedule.cron, timeZone: schedule.timeZone }, 'schedule restored');
    }
    for (const report of await deps.runs.list({ limit: runsReadMax })) {
      if (!hasEnded(report)) await restoreRun(deps, report);
      // Retries the removal: the queue may not have responded to the cancellation, or a job was active.
      else if (report.state === 'cancelled') await deps.queue.removeJobs(report.run);
    }
    const made = await requestDueRun(deps, schedule);
    if (made !== undefined) logger.info({ runId: made.run.runId }, 'requested the due refresh');
  }

  let running: Promise<void> | undefined;
  const tick = (): Promise<void> =>
    (running ??= runRound()
      .catch((error: unknown) => {
        isHolder = false;
        logger.warn({ problem: toProblem(error) }, 'cannot maintain the schedule');
      })
      .finally(() => (running = undefined)));

  const connection = connectWorker(options);
  const worker = new Worker(dueQueue, async () => void (await requestDueRun(deps, schedule)), { connection, prefix });
  worker.on('error', () => undefined);
  const timer = setInterval(() => void tick(), everyMs);
  void tick();

  return {
    get isHolder() {
      return isHolder;
    },
    tick,
    async close() {
      clearInterval(timer);
      await running;
      if (isHolder) await lock.release().catch(() => undefined);
      await closeWithin(worker, closeWithinMs);
      connection.disconnect();
      await queue.close().catch(() => undefined);
      redis.disconnect();
    },
  };
}

/** Creates the missing jobs of a run that has not ended, completes its cancellation, or records that its jobs have failed. */
async function restoreRun({ runs, queue, now, logger }: SchedulerDeps, { run }: RunReport): Promise<void> {
  const { runId, requestedAt } = run;
  if (await queue.completeCancellation(run)) {
    logger.warn({ runId }, 'completed the cancellation of a run');
    return;
  }
  const isStopped = run.place === 'here' && now() - (await runs.changedAt(runId)) > silentMsMax;
  const failure = isStopped ? 'The process of the run has stopped.' : await queue.failureOf(run);
  if (failure === undefined) {
    if (now() - requestedAt > queueingMsMax) await queue.ensureJobs(run);
    return;
  }
  // Read again: a worker records the failure of a stage before its job fails.
  const report = await runs.read(runId);
  if (hasEnded(report)) return;
  const last = report.stages.at(-1) ?? { stage: 'dataset' as const, attempt: 1, startedAt: requestedAt };
  const problem = { code: 'REFRESH_STAGE_FAILED', message: failure.replace(`${last.stage}: `, '') };
  await runs.write(runId, { ...last, state: 'failed', endedAt: now(), problem, willRetry: false });
  logger.warn({ runId, failure }, 'recorded the failure of a run whose process disappeared');
}
