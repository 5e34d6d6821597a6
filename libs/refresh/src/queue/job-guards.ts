import type { EventEmitter } from 'node:events';
import type { FacetConfig } from '@facet/config';
import type { RefreshStage } from '@facet/runs';
import { AppError, unlessAborted, hourMs, minuteMs } from '@facet/platform';
import type { Job } from 'bullmq';

/** The lock of a worker on its job. BullMQ renews it while the job is executed. */
interface JobLock {
  /** Aborted with `REFRESH_LOCK_LOST` when the lock is lost: another worker may execute the job. */
  readonly signal: AbortSignal;
  /** Resolves if this worker holds the lock. Waits for Redis during an outage. @throws AppError `REFRESH_LOCK_LOST`. */
  confirm(): Promise<void>;
  stop(): void;
}

/** Watches the lock of a job that the worker has just taken. Without a renewal, Redis deletes the lock after `lockMs`. */
export function watchJobLock(
  worker: Pick<EventEmitter, 'on' | 'off'>,
  {
    job,
    token,
    lockMs,
  }: { readonly job: Pick<Job, 'id' | 'extendLock'>; readonly token: string; readonly lockMs: number },
): JobLock {
  const losing = new AbortController();
  const { signal } = losing;
  const lose = (how: string): void => losing.abort(lockLost(job.id, how));
  const expiry = setTimeout(lose, lockMs, `Redis did not renew it for ${lockMs / 1000} s`);
  const onRenewed = ({ jobIds }: { readonly jobIds: readonly string[] }): void => {
    if (jobIds.includes(job.id!)) expiry.refresh();
  };
  const onRenewalFailed = (jobIds: readonly string[]): void => {
    if (jobIds.includes(job.id!)) lose('the lock expired, or another worker holds it');
  };
  worker.on('locksRenewed', onRenewed);
  worker.on('lockRenewalFailed', onRenewalFailed);
  return {
    signal,
    async confirm() {
      signal.throwIfAborted();
      if ((await unlessAborted(job.extendLock(token, lockMs), signal)) === 1) return;
      lose('the lock expired, or another worker holds it');
      signal.throwIfAborted();
    },
    stop() {
      clearTimeout(expiry);
      worker.off('locksRenewed', onRenewed);
      worker.off('lockRenewalFailed', onRenewalFailed);
    },
  };
}

function lockLost(jobId: string | undefined, how: string): AppError {
  return new AppError(`The worker lost its lock on job ${jobId}: ${how}.`, {
    code: 'REFRESH_LOCK_LOST',
    category: 'unavailable',
    remedy:
      'No action needed: a worker runs the job again. If it recurs, check Redis, or raise FACET_QUEUE_LOCK_SECONDS.',
    retryable: true,
  });
}

export interface StageWatchdog {
  /** Aborted with `REFRESH_STAGE_TIMED_OUT` when the stage takes too long or reports no progress for too long. */
  readonly signal: AbortSignal;
  /** Notes that the stage has reported progress. */
  onProgress(): void;
  stop(): void;
}

/** A stage that reports no progress for an eighth of its time hangs. */
const silentShareMax = 1 / 8;

/** Starts to watch the execution of a stage. */
export function watchStage(
  stage: RefreshStage,
  { stageHoursMax }: Pick<FacetConfig['refresh'], 'stageHoursMax'>,
): StageWatchdog {
  const timingOut = new AbortController();
  const abort = (what: string): void =>
    timingOut.abort(
      new AppError(`The stage ${stage} ${what}.`, {
        code: 'REFRESH_STAGE_TIMED_OUT',
        category: 'unavailable',
        remedy: `If it only needs more time, raise refresh.stageHoursMax in facet.yaml.`,
        retryable: true,
      }),
    );
  const total = setTimeout(abort, stageHoursMax * hourMs, `was not finished after ${stageHoursMax} h`);
  const silentMs = stageHoursMax * hourMs * silentShareMax;
  const silent = setTimeout(abort, silentMs, `reported no progress for ${silentMs / minuteMs} min`);
  return {
    signal: timingOut.signal,
    onProgress: () => void silent.refresh(),
    stop() {
      clearTimeout(total);
      clearTimeout(silent);
    },
  };
}
