import type { HomePaths } from '@facet/config/home-paths';
import { claimStore, ensureInstallation, watchInstallation } from '@facet/config/installation';
import type { InstallationKey, InstallationWatch } from '@facet/config/installation';
import { cancelRun, hasEnded, refreshStages, requestRun } from '@facet/runs';
import type { RefreshRequest, RefreshRun, RequestDeps, RunReport } from '@facet/runs';
import { parseRedisUrl } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { FlowProducer, Queue } from 'bullmq';
import type { Job } from 'bullmq';
import { callQueue, connectClient, prefixOf } from './connection.ts';
import type { QueueOptions } from './connection.ts';
import { belongsTo, flowOf, jobIdOf, workerOf, workers } from './flow.ts';
import type { RetryPolicy, StageJobData, WorkerName } from './flow.ts';

/** Requests and cancels refreshes that workers execute. */
export interface RefreshQueue {
  /**
   * Creates a run for a day with its jobs. Returns the existing run if the request would only repeat it.
   *
   * @throws AppError as `requestRun`; `REFRESH_QUEUE_UNREACHABLE`: the run is recorded, and the scheduler creates its jobs as
   * soon as Redis is back.
   */
  request(request: RefreshRequest): Promise<{ readonly report: RunReport; readonly isNew: boolean }>;
  /** Creates the jobs of a run, unless they exist or the run is executed without a queue. */
  ensureJobs(run: RefreshRun): Promise<void>;
  /** Cancels a run: removes its waiting jobs and stops its active stage. Does not change a run that has ended. */
  cancel(runId: string, decision: { readonly by?: string; readonly reason: string }): Promise<RunReport>;
  /** Cancels a run that the promotion log records as canceled. Returns whether it found a record. */
  completeCancellation(run: RefreshRun): Promise<boolean>;
  /** Removes the jobs of a run, unless one of them is active. */
  removeJobs(run: RefreshRun): Promise<void>;
  /** Returns why the jobs of a run have failed; undefined if they have not failed or do not exist. */
  failureOf(run: RefreshRun): Promise<string | undefined>;
  counts(): Promise<QueueCounts>;
  /** Returns the workers of which no process is connected. Returns none if Redis does not permit `CLIENT LIST`. */
  missingWorkers(): Promise<readonly WorkerName[]>;
  close(): Promise<void>;
}

/** Jobs by worker and state. */
type QueueCounts = Readonly<Record<WorkerName, Readonly<Record<string, number>>>>;

type RefreshQueueDeps = RequestDeps & RetryPolicy;

const rootStage = refreshStages.at(-1)!;
/** Per queue, over all hosts: a training needs a whole machine. */
const globalConcurrency = 1;

export function openRefreshQueue(deps: RefreshQueueDeps, options: QueueOptions): RefreshQueue {
  const connection = connectClient(options);
  const shared = { connection, prefix: prefixOf(options) };
  const flows = new FlowProducer(shared);
  const queues = Object.fromEntries(workers.map((name) => [name, new Queue<StageJobData>(name, shared)])) as Record<
    WorkerName,
    Queue<StageJobData>
  >;
  // They emit the errors of the connection.
  flows.on('error', () => undefined);
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
  const rootQueue = queues[workerOf[rootStage]];

  async function ensureJobs(run: RefreshRun): Promise<void> {
    if (run.place === 'here') return;
    await callQueue(connection, async () => {
      for (const queue of Object.values(queues)) await queue.setGlobalConcurrency(globalConcurrency);
      const root = await rootQueue.getJob(jobIdOf(run.runId, rootStage));
      if (root !== undefined && belongsTo(root.data, run)) return;
      // A job of a deleted home with a run of the same id.
      await root?.remove({ removeChildren: true });
      await flows.add(flowOf(run, deps));
    });
  }

  async function rootOf(run: RefreshRun): Promise<Job<StageJobData> | undefined> {
    const root = await callQueue(connection, () => rootQueue.getJob(jobIdOf(run.runId, rootStage)));
    return root !== undefined && belongsTo(root.data, run) ? root : undefined;
  }

  const removeJobs: RefreshQueue['removeJobs'] = async (run) => {
    const root = await rootOf(run);
    if (root === undefined) return;
    // BullMQ cannot remove an active job. Its worker polls for the cancellation.
    await callQueue(connection, () => root.remove({ removeChildren: true }).catch(() => undefined));
  };

  const cancel: RefreshQueue['cancel'] = async (runId, decision) => {
    const report = await cancelRun(deps, runId, decision);
    if (report.state === 'canceled') await removeJobs(report.run);
    return report;
  };

  return {
    ensureJobs,
    async request(request) {
      const requested = await requestRun(deps, request);
      if (!hasEnded(requested.report)) await ensureJobs(requested.report.run);
      return requested;
    },
    cancel,
    async completeCancellation({ runId }) {
      const records = await deps.store.promotions();
      const record = records.find(({ kind, run }) => kind === 'cancel' && run?.runId === runId);
      if (record === undefined) return false;
      await cancel(runId, { reason: record.reason ?? 'see the promotion log' });
      return true;
    },
    removeJobs,
    async failureOf(run) {
      const root = await rootOf(run);
      if (root === undefined) return undefined;
      return (await callQueue(connection, () => root.isFailed())) ? root.failedReason : undefined;
    },
    async counts() {
      const entries = workers.map(
        async (name) => [name, await callQueue(connection, () => queues[name].getJobCounts())] as const,
      );
      return Object.fromEntries(await Promise.all(entries)) as Record<WorkerName, Record<string, number>>;
    },
    async missingWorkers() {
      const counts = await Promise.all(
        workers.map((name) => callQueue(connection, () => queues[name].getWorkersCount()).catch(() => undefined)),
      );
      return workers.filter((_, index) => counts[index] === 0);
    },
    async close() {
      await flows.close();
      for (const queue of Object.values(queues)) await queue.close();
      connection.disconnect();
    },
  };
}

/** Connects to the queue, calls `use` with the key of its installation, and closes the connection. */
export async function withQueueInstallation<Result>(
  options: QueueOptions,
  use: (key: InstallationKey) => Promise<Result>,
): Promise<Result> {
  const connection = connectClient(options);
  const name = `${prefixOf(options)}:installation`;
  try {
    const read = async (): Promise<string | undefined> =>
      (await callQueue(connection, () => connection.get(name))) ?? undefined;
    return await use({
      location: `the queue in Redis at ${parseRedisUrl(options.redisUrl).text} (key ${name})`,
      read,
      async claim(installationId) {
        await callQueue(connection, () => connection.set(name, installationId, 'NX'));
        return read();
      },
      write: async (installationId) => void (await callQueue(connection, () => connection.set(name, installationId))),
    });
  } finally {
    connection.disconnect();
  }
}

/**
 * Claims the queue for the installation of a home, or tries again in the background until Redis responds.
 *
 * @throws AppError `INSTALLATION_DIFFERS`, and as `ensureInstallation`
 */
export async function claimQueue(
  { home, logger }: { readonly home: HomePaths; readonly logger?: Logger },
  options: QueueOptions,
): Promise<InstallationWatch> {
  const installation = await ensureInstallation(home);
  return watchInstallation(async () => {
    await withQueueInstallation(options, (key) => claimStore(installation, key));
    return true;
  }, logger);
}
