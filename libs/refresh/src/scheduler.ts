import { randomUUID } from 'node:crypto';
import { hasEnded, toProblem, isScheduled, missingDays } from '@facet/runs';
import type { RefreshSchedule, RunReport, RunStore } from '@facet/runs';
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
} from './queue/connection.ts';
import type { QueueOptions, QueueClient } from './queue/connection.ts';
import type { RefreshQueue } from './queue/refresh-queue.ts';

interface SchedulerDeps {
  readonly runs: RunStore;
  readonly queue: RefreshQueue;
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

interface SchedulerOptions extends QueueOptions {
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
      else if (report.state === 'canceled') await deps.queue.removeJobs(report.run);
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

/** The name of the schedule and of its jobs. */
const scheduleId = 'refresh';

/** How far in the past the next time of a schedule may be before the schedule counts as stuck. */
const latenessMsMax = minuteMs;

type Repair = 'added' | 'changed' | 'stuck' | 'removed';

/**
 * Makes the schedules in the queue equal to `facet.yaml`, whatever removed or changed them.
 *
 * @returns the repairs that were necessary
 */
async function reconcileSchedule(
  queue: Queue,
  { cron, timeZone }: Pick<RefreshSchedule, 'cron' | 'timeZone'>,
  now: number,
): Promise<Repair[]> {
  const actual = await queue.getJobSchedulers();
  const repairs: Repair[] = [];
  for (const { key } of actual) {
    if (key === scheduleId && isScheduled({ cron })) continue;
    await queue.removeJobScheduler(key);
    repairs.push('removed');
  }
  if (!isScheduled({ cron })) return repairs;
  const ours = actual.find(({ key }) => key === scheduleId);
  const repair = findRepair(ours, { cron, timeZone }, now);
  if (repair !== undefined) {
    await queue.upsertJobScheduler(
      scheduleId,
      { pattern: cron, tz: timeZone },
      { name: scheduleId, opts: { removeOnComplete: 10, removeOnFail: 10 } },
    );
    repairs.push(repair);
  }
  return repairs;
}

function findRepair(
  scheduler: { readonly pattern?: string; readonly tz?: string; readonly next?: number } | undefined,
  wanted: Pick<RefreshSchedule, 'cron' | 'timeZone'>,
  now: number,
): Exclude<Repair, 'removed'> | undefined {
  if (scheduler === undefined) return 'added';
  if (scheduler.pattern !== wanted.cron || scheduler.tz !== wanted.timeZone) return 'changed';
  return (scheduler.next ?? 0) < now - latenessMsMax ? 'stuck' : undefined;
}

/** How many of the newest runs the scheduler reads. A schedule falls behind by days, not by more runs than this. */
export const runsReadMax = 100;

/** `requestedBy` of runs that the schedule requests. */
export const scheduleName = 'schedule';

/**
 * Requests the refresh that is due: for the newest day, or with `catchUp: all` for the oldest missing day. The next missing day
 * follows when that run has ended. Calling it again requests nothing more.
 *
 * @returns the new run; undefined if no day is due or a scheduled run is in progress
 */
async function requestDueRun(
  { runs, queue, now }: { readonly runs: RunStore; readonly queue: RefreshQueue; readonly now: () => number },
  schedule: RefreshSchedule,
): Promise<RunReport | undefined> {
  const reports = await runs.list({ limit: runsReadMax });
  const scheduled = reports.filter(({ run }) => run.requestedBy === scheduleName);
  if (scheduled.some((report) => !hasEnded(report))) return undefined;
  const attended = reports.find((report) => isAttended(report))?.run.day;
  const [day] = missingDays(now(), schedule, attended);
  if (day === undefined) return undefined;
  const { report, isNew } = await queue.request({ day, requestedBy: scheduleName });
  return isNew ? report : undefined;
}

/** The schedule requests a day once, and not at all if another requester's run of the day has succeeded. */
function isAttended({ run, state }: RunReport): boolean {
  return run.requestedBy === scheduleName || (state !== 'failed' && state !== 'canceled');
}

/** Lets one process at a time maintain the schedule. */
interface SchedulerLock {
  /** Acquires or extends the lock. Returns false if another process holds it. */
  hold(): Promise<boolean>;
  release(): Promise<void>;
}

const extendScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return 0`;
const releaseScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`;

export function createSchedulerLock(redis: QueueClient, key: string, lockMs: number): SchedulerLock {
  const token = randomUUID();
  return {
    async hold() {
      if ((await redis.set(key, token, 'PX', lockMs, 'NX')) === 'OK') return true;
      return (await redis.eval(extendScript, 1, key, token, lockMs)) === 1;
    },
    async release() {
      await redis.eval(releaseScript, 1, key, token);
    },
  };
}
