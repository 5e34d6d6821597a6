import { hasEnded, refreshStages, requestRun } from '@facet/pipeline/runs';
import type { RefreshRequest, RefreshRun, RequestDeps, RunReport } from '@facet/pipeline/runs';
import { FlowProducer, Queue } from 'bullmq';
import { askingTimeoutMs, connectAsker, prefixDefault, queueUnreachable } from './connection.ts';
import type { QueueOptions } from './connection.ts';
import { flowOf, isOf, jobIdOf, workerOf, workers } from './flow.ts';
import type { RetryPolicy, StageJobData, WorkerName } from './flow.ts';

/** Where refreshes are asked for, and cancelled. */
export interface RefreshQueue {
  /**
   * A run for a day, and its jobs. What would only repeat a run gives that run.
   *
   * @throws AppError those of `requestRun`; `REFRESH_QUEUE_UNREACHABLE`: the run is noted then, and queued by the scheduler as
   * soon as Redis is back.
   */
  request(asked: RefreshRequest): Promise<{ readonly report: RunReport; readonly isNew: boolean }>;
  /** Puts the jobs of a run into the queues, unless they are there or its stages are done elsewhere. */
  ensureJobs(run: RefreshRun): Promise<void>;
  /** Ends a run: what waits is taken away, what is worked on is stopped. Of a run that has ended it changes nothing. */
  cancel(runId: string, because: string): Promise<RunReport>;
  /** Why the jobs of a run have failed; undefined when they have not, or are gone. */
  failureOf(run: RefreshRun): Promise<string | undefined>;
  counts(): Promise<QueueCounts>;
  close(): Promise<void>;
}

/** Jobs by worker and state. */
export type QueueCounts = Readonly<Record<WorkerName, Readonly<Record<string, number>>>>;

export type RefreshQueueDeps = RequestDeps & RetryPolicy;

const rootStage = refreshStages.at(-1)!;
/** One of each at a time, on however many hosts: a training takes a whole machine. */
const concurrencyOfAll = 1;

export function openRefreshQueue(deps: RefreshQueueDeps, options: QueueOptions): RefreshQueue {
  const { runs } = deps;
  const connection = connectAsker(options);
  const shared = { connection, prefix: options.prefix ?? prefixDefault };
  const flows = new FlowProducer(shared);
  const queues = Object.fromEntries(workers.map((name) => [name, new Queue<StageJobData>(name, shared)])) as Record<
    WorkerName,
    Queue<StageJobData>
  >;
  // They pass on the errors of the connection.
  flows.on('error', () => undefined);
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
  const rootQueue = queues[workerOf[rootStage]];

  const ask = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    let patience: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      patience = setTimeout(() => reject(new Error(`nothing in ${askingTimeoutMs / 1000} s`)), askingTimeoutMs);
    });
    try {
      // BullMQ waits for the first connection for as long as it takes.
      return await Promise.race([call(), silence]);
    } catch (error) {
      throw queueUnreachable(error);
    } finally {
      clearTimeout(patience);
    }
  };

  async function ensureJobs(run: RefreshRun): Promise<void> {
    if (run.place === 'here') return;
    await ask(async () => {
      for (const queue of Object.values(queues)) await queue.setGlobalConcurrency(concurrencyOfAll);
      const root = await rootQueue.getJob(jobIdOf(run.runId, rootStage));
      if (root !== undefined && isOf(root.data, run)) return;
      // Left over from a run of this name in a home that is gone.
      await root?.remove({ removeChildren: true });
      await flows.add(flowOf(run, deps));
    });
  }

  return {
    ensureJobs,
    async request(asked) {
      const requested = await requestRun(deps, asked);
      if (!hasEnded(requested.report)) await ensureJobs(requested.report.run);
      return requested;
    },
    async cancel(runId, because) {
      const report = await runs.cancel(runId, because);
      if (report.state !== 'cancelled') return report;
      // One that is worked on cannot be removed: its worker sees the cancellation.
      const root = await ask(() => rootQueue.getJob(jobIdOf(runId, rootStage)));
      await root?.remove({ removeChildren: true }).catch(() => undefined);
      return report;
    },
    async failureOf(run) {
      const root = await ask(() => rootQueue.getJob(jobIdOf(run.runId, rootStage)));
      if (root === undefined || !isOf(root.data, run)) return undefined;
      return (await ask(() => root.isFailed())) ? root.failedReason : undefined;
    },
    async counts() {
      const entries = workers.map(async (name) => [name, await ask(() => queues[name].getJobCounts())] as const);
      return Object.fromEntries(await Promise.all(entries)) as Record<WorkerName, Record<string, number>>;
    },
    async close() {
      await flows.close();
      for (const queue of Object.values(queues)) await queue.close();
      connection.disconnect();
    },
  };
}
