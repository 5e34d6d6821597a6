import { readFacetConfig } from '@facet/config';
import { runStage, toProblem } from '@facet/runs';
import type { RefreshOutputs, RefreshStage, RunStore, StageProgress, StageResult } from '@facet/runs';
import { AppError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { runRefreshChild } from '../child-process/run-child.ts';
import { closeWithin, connectWorker, prefixOf } from './connection.ts';
import type { QueueOptions } from './connection.ts';
import { belongsTo } from './flow.ts';
import type { StageJobData, WorkerName } from './flow.ts';
import { watchJobLock, watchStage } from './job-guards.ts';
import type { StageWatchdog } from './job-guards.ts';

interface StageWorkerDeps {
  readonly runs: RunStore;
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  /** Called when a stage has ended, for metrics. */
  readonly onEnded?: (stage: RefreshStage, outcome: 'finished' | 'failed', seconds: number) => void;
}

interface StageWorkerOptions extends QueueOptions {
  readonly name: WorkerName;
  readonly home: string;
  readonly configFile: string;
  /**
   * If the worker does not renew its lock for this time, another worker takes the job. The first worker ends its stage process when it
   * detects the loss.
   */
  readonly lockMs?: number;
}

export interface StageWorker {
  /** The stage that the worker executes now. */
  readonly working: { readonly runId: string; readonly stage: RefreshStage } | undefined;
  /** Whether the worker can take jobs. */
  readonly isConnected: boolean;
  /** Stops the current stage, returns its job to the queue, and takes no other job. */
  close(): Promise<void>;
}

const lockMsDefault = 30_000;
const closeWithinMs = 8_000;
/** The time between two log lines about the progress of a stage. */
const logEveryMs = 30_000;
/** How often a worker renews the lock of its job, and so notices its loss. */
const renewLockMsMax = 4_000;
/** A killed worker stalls its job. The limit is high, because the job is not the cause. */
const stalledCountMax = 50;

/** Takes the jobs of one worker and executes each one in a child process. */
export function startStageWorker(deps: StageWorkerDeps, options: StageWorkerOptions): StageWorker {
  const { runs, logger, now, onEnded } = deps;
  const { name, home, configFile, lockMs = lockMsDefault } = options;
  const prefix = prefixOf(options);
  const closing = new AbortController();
  let working: StageWorker['working'];

  async function executeJob(job: Job<StageJobData, RefreshOutputs, RefreshStage>, token = ''): Promise<RefreshOutputs> {
    const { runId } = job.data;
    const stage = job.name;
    const [earlierFailure] = Object.values(await job.getIgnoredChildrenFailures());
    if (earlierFailure !== undefined) throw new UnrecoverableError(earlierFailure);
    const report = await runs.read(runId);
    if (!belongsTo(job.data, report.run)) throw new UnrecoverableError(describeForeignJob(runId));
    const [outputs = {}] = Object.values(await job.getChildrenValues<RefreshOutputs>());

    const lock = watchJobLock(worker, { job, token, lockMs });
    // After the loss of the lock, the record belongs to another worker.
    const lockedRuns: RunStore = {
      ...runs,
      async write(...record) {
        await lock.confirm();
        await runs.write(...record);
      },
    };
    const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    const willRetry = (error: unknown): boolean => closing.signal.aborted || (isRetryable(error) && !isLast);
    const startedAt = now();
    let watchdog: StageWatchdog | undefined;
    working = { runId, stage };
    try {
      let loggedAt = startedAt;
      const onProgress = (progress: StageProgress): void => {
        watchdog?.onProgress();
        void job.updateProgress(progress).catch(() => undefined);
        if (now() - loggedAt < logEveryMs) return;
        loggedAt = now();
        logger.info({ runId, stage, ...progress, epochs: undefined }, 'stage progress');
      };
      const execute = async (signal: AbortSignal): Promise<StageResult<RefreshOutputs>> => {
        watchdog = watchStage(stage, (await readFacetConfig(configFile)).refresh);
        const order = { home, configFile, task: { runId, stage, outputs } };
        return runRefreshChild(order, { signal: AbortSignal.any([signal, watchdog.signal]), onProgress });
      };
      const result = await runStage(
        { runs: lockedRuns, now },
        { runId, stage },
        {
          execute,
          willRetry,
          signal: AbortSignal.any([lock.signal, closing.signal]),
          onStart: () => logger.info({ runId, stage, attempt: job.attemptsMade + 1 }, 'stage started'),
        },
      );
      if (result === undefined) return outputs;
      logger.info({ runId, stage, outputs: result.output, isReused: result.isReused }, 'stage finished');
      onEnded?.(stage, 'finished', (now() - startedAt) / 1000);
      return result.output;
    } catch (error) {
      if (lock.signal.aborted) {
        logger.warn({ runId, stage, problem: toProblem(lock.signal.reason) }, 'stage stopped');
        // Leaves the job unchanged.
        throw new WaitingError();
      }
      if (closing.signal.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      onEnded?.(stage, 'failed', (now() - startedAt) / 1000);
      logger.warn({ runId, stage, willRetry: willRetry(error), problem: toProblem(error) }, 'stage failed');
      throw willRetry(error) ? (error as Error) : new UnrecoverableError(`${stage}: ${(error as Error).message}`);
    } finally {
      lock.stop();
      watchdog?.stop();
      working = undefined;
    }
  }

  const connection = connectWorker(options);
  const worker = new Worker<StageJobData, RefreshOutputs, RefreshStage>(name, executeJob, {
    connection,
    prefix,
    lockDuration: lockMs,
    lockRenewTime: Math.min(lockMs / 2, renewLockMsMax),
    stalledInterval: lockMs / 2,
    maxStalledCount: stalledCountMax,
  });
  let lastError = '';
  const warnOnce = (error: Error): void => {
    // During an outage the same error occurs every second.
    if (error.message !== lastError) logger.warn({ err: error }, 'the queue does not respond');
    lastError = error.message;
  };
  connection.on('error', warnOnce);
  connection.on('ready', () => (lastError = ''));
  worker.on('error', warnOnce);
  worker.on('stalled', (jobId) => logger.warn({ jobId }, 'the worker of a job disappeared; the job is taken again'));

  return {
    get working() {
      return working;
    },
    get isConnected() {
      return connection.status === 'ready';
    },
    async close() {
      closing.abort(workerStopped(name));
      // Waits until the job is back in the queue, which takes forever without Redis.
      await closeWithin(worker, closeWithinMs);
      connection.disconnect();
    },
  };
}

/** Wrong data or settings stay wrong. Other errors may not occur again. */
function isRetryable(error: unknown): boolean {
  return !isAppError(error) || error.retryable;
}

function workerStopped(name: string): AppError {
  return new AppError(`The ${name} was stopped.`, {
    code: 'REFRESH_WORKER_STOPPED',
    category: 'unavailable',
    retryable: true,
  });
}

function describeForeignJob(runId: string): string {
  return `The job belongs to a run ${runId} of another home. Set a different FACET_QUEUE_PREFIX for each home that shares a Redis.`;
}
