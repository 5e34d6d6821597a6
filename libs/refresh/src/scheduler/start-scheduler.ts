import { hasEnded, toProblem } from '@facet/pipeline/runs';
import type { RefreshSchedule, RunReport, RunStore } from '@facet/pipeline/runs';
import type { Logger } from '@facet/platform';
import { Queue, Worker } from 'bullmq';
import { closeWithin, connectAsker, connectWorker, prefixDefault, unfitSettings } from '../queue/connection.ts';
import type { QueueOptions } from '../queue/connection.ts';
import type { RefreshQueue } from '../queue/refresh-queue.ts';
import { requestDueRun, runsLookedAt } from './request-due-run.ts';
import { reconcileSchedule } from './reconcile.ts';
import { createSchedulerLock, lockMsDefault } from './scheduler-lock.ts';

export interface SchedulerDeps {
  readonly runs: RunStore;
  readonly queue: RefreshQueue;
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

export interface SchedulerOptions extends QueueOptions {
  readonly schedule: RefreshSchedule;
  /** How often everything is looked after; a minute by default. */
  readonly everyMs?: number;
  /** How long a holder that is gone keeps others from taking over. */
  readonly lockMs?: number;
}

export interface Scheduler {
  /** Whether this process looks after the schedule. */
  readonly isHolder: boolean;
  /** Looks after everything now. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

const kickOffQueue = 'kickoff';
const minuteMs = 60_000;
const closeWithinMs = 3_000;
/** A run without jobs is given some, but not while whoever asked for it may still be at it. */
const queueingMsMax = 15_000;

/**
 * Looks after the schedule, from one process at a time: at the start and every minute it makes the schedule in the queue the one
 * that is wanted, gives jobs to runs that have lost theirs, notes failures that nobody could note, and asks for what is due.
 * The jobs of the schedule only make the last of these happen on the second. They are in a queue of their own: the next one is
 * made when the one before begins, so it must never wait behind a training.
 */
export function startScheduler(deps: SchedulerDeps, options: SchedulerOptions): Scheduler {
  const { logger, now } = deps;
  const { schedule, everyMs = minuteMs, lockMs = lockMsDefault, prefix = prefixDefault } = options;
  const redis = connectAsker(options);
  const queue = new Queue(kickOffQueue, { connection: redis, prefix });
  queue.on('error', () => undefined);
  const lock = createSchedulerLock(redis, `${prefix}:scheduler`, lockMs);
  let isHolder = false;
  let isChecked = false;

  async function lookAfter(): Promise<void> {
    isHolder = await lock.hold();
    if (!isHolder) return;
    if (!isChecked) {
      for (const problem of await unfitSettings(redis)) logger.warn({ problem }, 'Redis is not set up for a queue');
      isChecked = true;
    }
    const repairs = await reconcileSchedule(queue, schedule, now());
    if (repairs.length > 0) {
      logger.info({ repairs, cron: schedule.cron, timeZone: schedule.timeZone }, 'schedule put in order');
    }
    for (const report of await deps.runs.list({ limit: runsLookedAt })) {
      if (!hasEnded(report)) await lookAfterRun(deps, report);
    }
    const made = await requestDueRun(deps, schedule);
    if (made !== undefined) logger.info({ runId: made.run.runId }, 'refresh is due');
  }

  let running: Promise<void> | undefined;
  const tick = (): Promise<void> =>
    (running ??= lookAfter()
      .catch((error: unknown) => {
        isHolder = false;
        logger.warn({ problem: toProblem(error) }, 'the schedule cannot be looked after');
      })
      .finally(() => (running = undefined)));

  const connection = connectWorker(options);
  const worker = new Worker(kickOffQueue, () => requestDueRun(deps, schedule).then(() => undefined), {
    connection,
    prefix,
  });
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

/** A run that has not ended: jobs where it has none, or the word that they have failed. */
async function lookAfterRun({ runs, queue, now, logger }: SchedulerDeps, { run, stages }: RunReport): Promise<void> {
  const { runId, requestedAt } = run;
  const failure = await queue.failureOf(run);
  if (failure === undefined) {
    if (now() - requestedAt > queueingMsMax) await queue.ensureJobs(run);
    return;
  }
  const last = stages.at(-1) ?? { stage: 'dataset' as const, attempt: 1, startedAt: requestedAt };
  const problem = { code: 'REFRESH_STAGE_FAILED', message: failure.replace(`${last.stage}: `, '') };
  await runs.write(runId, { ...last, state: 'failed', endedAt: now(), problem, willRetry: false });
  logger.warn({ runId, failure }, 'a run has failed without a record');
}
