import { hasEnded, toProblem, recordStage } from '@facet/pipeline/runs';
import type { RefreshOutputs, RefreshStage, RunStore, StageOutcome, StageProgress } from '@facet/pipeline/runs';
import { AppError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { runChild } from '../child-process/run-child.ts';
import type { StageOrder } from '../child-process/messages.ts';
import { closeWithin, connectWorker, prefixDefault } from './connection.ts';
import type { QueueOptions } from './connection.ts';
import { isOf } from './flow.ts';
import type { StageJobData, WorkerName } from './flow.ts';

export interface StageWorkerDeps {
  readonly runs: RunStore;
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
  /** Told when a stage has ended, for metrics. */
  readonly onEnded?: (stage: RefreshStage, outcome: 'finished' | 'failed', seconds: number) => void;
}

export interface StageWorkerOptions extends QueueOptions {
  readonly name: WorkerName;
  readonly home: string;
  readonly configFile: string;
  /**
   * A job whose worker has not been heard of for so long is given to another one. Its process ends with its worker, so
   * that both never work for longer than the time it takes to notice.
   */
  readonly lockMs?: number;
  /** How Node is started for a stage; as this process was, by default. */
  readonly execArgv?: readonly string[];
}

export interface StageWorker {
  /** The stage that is worked on. */
  readonly working: { readonly runId: string; readonly stage: RefreshStage } | undefined;
  /** Whether jobs can be taken. */
  readonly isConnected: boolean;
  /** Stops what is worked on, gives the job back, and takes no other. */
  close(): Promise<void>;
}

const lockMsDefault = 30_000;
const closeWithinMs = 8_000;
/** How often it is looked whether the run was cancelled. */
const lookEveryMs = 500;
/** A worker that is killed again and again takes its job along as often; a job is not to blame for that. */
const stalledCountMax = 50;

/** Takes the jobs of one worker and does each in a process of its own. */
export function startStageWorker(deps: StageWorkerDeps, options: StageWorkerOptions): StageWorker {
  const { runs, logger, now, onEnded } = deps;
  const { name, home, configFile, lockMs = lockMsDefault, prefix = prefixDefault, execArgv } = options;
  const closing = new AbortController();
  let working: StageWorker['working'];

  async function work(job: Job<StageJobData, RefreshOutputs, RefreshStage>, token = ''): Promise<RefreshOutputs> {
    const { runId } = job.data;
    const stage = job.name;
    // What failed before this stage is why this one does.
    const [reason] = Object.values(await job.getIgnoredChildrenFailures());
    if (reason !== undefined) throw new UnrecoverableError(reason);
    const report = await runs.read(runId);
    if (!isOf(job.data, report.run)) throw new UnrecoverableError(foreignJob(runId));
    if (report.state === 'cancelled') throw new UnrecoverableError(`cancelled: ${report.reason}`);
    if (hasEnded(report) && report.state !== 'failed') return report.stages.at(-1)?.outputs ?? {};
    const [outputs = {}] = Object.values(await job.getChildrenValues<RefreshOutputs>());

    const cancelling = new AbortController();
    const looking = setInterval(() => void lookForCancellation(runs, runId, cancelling), lookEveryMs);
    const signal = AbortSignal.any([closing.signal, cancelling.signal]);
    const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
    const willRetry = (error: unknown): boolean => closing.signal.aborted || (isRetryable(error) && !isLast);
    const startedAt = now();
    working = { runId, stage };
    logger.info({ runId, stage, attempt: job.attemptsMade + 1 }, 'stage begins');
    try {
      const outcome = await recordStage({ runs, now }, { runId, stage, willRetry }, () =>
        runChild<StageOutcome>('stage', { home, configFile, runId, stage, outputs } satisfies StageOrder, {
          signal,
          onProgress: tellOf(job),
          ...(execArgv && { execArgv }),
        }),
      );
      logger.info({ runId, stage, ...outcome }, 'stage is done');
      onEnded?.(stage, 'finished', (now() - startedAt) / 1000);
      return outcome.outputs;
    } catch (error) {
      if (closing.signal.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      onEnded?.(stage, 'failed', (now() - startedAt) / 1000);
      logger.warn({ runId, stage, willRetry: willRetry(error), problem: toProblem(error) }, 'stage failed');
      throw willRetry(error) ? (error as Error) : new UnrecoverableError(`${stage}: ${(error as Error).message}`);
    } finally {
      clearInterval(looking);
      working = undefined;
    }
  }

  const connection = connectWorker(options);
  const worker = new Worker<StageJobData, RefreshOutputs, RefreshStage>(name, work, {
    connection,
    prefix,
    lockDuration: lockMs,
    stalledInterval: lockMs / 2,
    maxStalledCount: stalledCountMax,
  });
  let complained = '';
  const complain = (error: Error): void => {
    // While Redis is away there is one a second, and all say the same.
    if (error.message !== complained) logger.warn({ err: error }, 'the queue does not answer');
    complained = error.message;
  };
  connection.on('error', complain);
  connection.on('ready', () => (complained = ''));
  worker.on('error', complain);
  worker.on('stalled', (jobId) => logger.warn({ jobId }, 'a job was left by its worker and is taken up again'));

  return {
    get working() {
      return working;
    },
    get isConnected() {
      return connection.status === 'ready';
    },
    async close() {
      closing.abort(stopped(name));
      // It waits for the job that was just given back; without Redis there is nobody to give it to.
      await closeWithin(worker, closeWithinMs);
      connection.disconnect();
    },
  };
}

/** How far a stage is, in the job: for whoever looks into the queue, and as an event. */
function tellOf(job: Job): (progress: StageProgress) => void {
  return (progress) => void job.updateProgress(progress).catch(() => undefined);
}

async function lookForCancellation(runs: RunStore, runId: string, cancelling: AbortController): Promise<void> {
  if (!(await runs.isCancelled(runId).catch(() => false))) return;
  // Nobody waits for this: a disk that fails for a moment must not end the worker.
  const reason = await runs.read(runId).then(
    (report) => report.reason,
    () => undefined,
  );
  cancelling.abort(
    new AppError(`cancelled: ${reason ?? 'see facet runs'}`, { code: 'REFRESH_CANCELLED', category: 'conflict' }),
  );
}

/** A mistake in the data or the settings stays one; anything else may pass. */
function isRetryable(error: unknown): boolean {
  return !isAppError(error) || error.retryable;
}

function stopped(name: string): AppError {
  return new AppError(`The ${name} was stopped.`, {
    code: 'REFRESH_WORKER_STOPPED',
    category: 'unavailable',
    retryable: true,
  });
}

function foreignJob(runId: string): string {
  return `The job is of another run ${runId} than this home has. Give each home that shares a Redis its own FACET_QUEUE_PREFIX.`;
}
