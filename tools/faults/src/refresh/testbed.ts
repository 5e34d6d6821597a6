import { readdir, readFile } from 'node:fs/promises';
import { createFacetProcess, startRedis, thisMachine, until } from '@facet/local-services';
import type { FacetProcess, LocalHost } from '@facet/local-services';
import { hasEnded } from '@facet/runs';
import type { RefreshStage, RunReport, StageRecord } from '@facet/runs';
import { openRefreshQueue, scheduleName } from '@facet/refresh';
import { lastDay, requestedAt, schedule } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';
import { kill } from '../victim.ts';

/** Lock duration of a job; after it, another worker takes over. */
export const jobLockSeconds = 2;
/** Period of the scheduler. */
export const schedulerSeconds = 1;
export const queuePrefix = 'faults';

/** Enough attempts for all faults of a scenario. */
const attempts = 4;
const backoffMs = 500;

/** Longest time that a stage process may outlive its worker. */
export const orphanMsMax = 2_000;

/** End of the command line of a stage process: its file and the process id of its worker. */
const commandPattern = /\/child-process\/stage\.[jt]s\0(\d+)\0$/;

interface StageProcess {
  readonly pid: number;
  /** Process id of the worker that started the stage, which may have exited. */
  readonly worker: number;
}

/** Workers with a dedicated Redis. */
export type Testbed = Awaited<ReturnType<typeof startTestbed>>;

export interface WorkersOptions {
  readonly queueUrl: string;
  /** The hosts of the workers, in turn; this machine by default. */
  readonly hosts?: readonly LocalHost[];
  /** The clock of requests. By default, it returns the time of the first request, so that all runs of the day give equal artifacts. */
  readonly now?: () => number;
  readonly lockSeconds?: number;
  /** Time between two deltas; by default, the indexer publishes none. */
  readonly deltaSeconds?: number;
  /** More variables of the apps. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Creates a testbed. Request the first run before `startApps`, because a trainer without a run requests one automatically. */
export async function startTestbed(home: ShopHome) {
  const redis = await startRedis({ persistent: true });
  const workers = await createWorkers(home, { queueUrl: redis.url });
  const stop = async (): Promise<void> => {
    await workers.stop();
    await redis.stop();
  };
  return { ...workers, redis, stop };
}

/** Creates workers whose queue is in a Redis that the caller stops. */
export async function createWorkers(
  home: ShopHome,
  {
    queueUrl,
    hosts = [thisMachine],
    now = () => requestedAt,
    lockSeconds = jobLockSeconds,
    deltaSeconds = 0,
    env,
  }: WorkersOptions,
) {
  const settings = {
    trainer: { FACET_SCHEDULER_SECONDS: String(schedulerSeconds) },
    indexer: { FACET_DELTA_SECONDS: String(deltaSeconds) },
  };
  const workers: FacetProcess[] = [];
  const add = async (app: keyof typeof settings, name: string = app): Promise<FacetProcess> => {
    const worker = await createFacetProcess({
      app,
      name,
      host: hosts[workers.length % hosts.length]!,
      env: {
        ...env,
        FACET_HOME: home.folder,
        FACET_CONFIG: home.configFile,
        FACET_QUEUE_URL: queueUrl,
        FACET_QUEUE_PREFIX: queuePrefix,
        FACET_QUEUE_LOCK_SECONDS: String(lockSeconds),
        FACET_INSECURE: 'true',
        FACET_LOG_LEVEL: 'info',
        ...settings[app],
      },
      // The app is healthy while it waits for Redis.
      probe: '/healthz',
      readySeconds: 120,
    });
    workers.push(worker);
    return worker;
  };
  const [trainer, indexer] = [await add('trainer'), await add('indexer')];
  const queue = openRefreshQueue(
    { ...home, schedule, now, attempts, backoffMs },
    { redisUrl: queueUrl, prefix: queuePrefix },
  );
  let orphanMs = 0;
  const findStages = () => stageProcesses(workers.flatMap(({ pids }) => pids));
  /** Returns stage processes without a living worker. */
  const orphans = async (): Promise<StageProcess[]> => {
    const living = workers.flatMap(({ isRunning, pid }) => (isRunning ? [pid] : []));
    return (await findStages()).filter(({ worker }) => !living.includes(worker));
  };

  return {
    home,
    queue,
    trainer,
    indexer,
    /** All workers, including second ones. */
    workers,
    /** Returns the longest time in milliseconds that a stage process outlived its worker; infinite if it still runs. */
    orphanMs: () => orphanMs,
    orphans,
    /** Starts an indexer and a trainer, and a second worker of each given kind. */
    async startApps(...second: readonly (keyof typeof settings)[]) {
      for (const app of second) await add(app, `${app} 2`);
      await Promise.all(workers.map((worker) => worker.start()));
    },
    /** Requests a refresh of the shop's last day. Returns its run id. */
    async request(isForced = false) {
      const { report } = await queue.request({ day: lastDay, isForced, requestedBy: scheduleName });
      return report.run.runId;
    },
    /** Waits until the record of a stage satisfies `isWanted`; by default, until it has begun. */
    untilStage: (runId: string, stage: RefreshStage, isWanted: (record: StageRecord) => boolean = () => true) =>
      until(`${stage} of ${runId}`, async () => {
        const report = await home.runs.read(runId);
        const record = report.stages.find((each) => each.stage === stage);
        if (record !== undefined && isWanted(record)) return record;
        if (hasEnded(report)) throw new Error(`${runId} ended early as ${report.state}: ${report.reason}`);
        return undefined;
      }),
    /** Waits for the end of a run, at most 180 seconds by default. */
    ended(runId: string, seconds?: number) {
      const read = async (): Promise<RunReport | undefined> => {
        const report = await home.runs.read(runId);
        return hasEnded(report) ? report : undefined;
      };
      return until(`the end of ${runId}`, read, seconds);
    },
    /** Waits for a stage process. */
    stageProcess: () => until('a stage process', async () => (await findStages())[0]),
    /** Sends SIGKILL and waits until the stage processes of the app exit. */
    async killApp(app: FacetProcess) {
      await kill(app);
      const killedAt = Date.now();
      const isGone = await until('the exit of orphans', async () => (await orphans()).length === 0, 20).catch(
        () => false,
      );
      orphanMs = isGone ? Math.max(orphanMs, Date.now() - killedAt) : Infinity;
    },
    async stop() {
      await queue.close().catch(() => undefined);
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

/** Returns the stage processes of the workers, including exited workers. */
async function stageProcesses(workers: readonly number[]): Promise<StageProcess[]> {
  const found: StageProcess[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // A zombie process has no command line.
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const worker = Number(commandPattern.exec(command)?.[1]);
    if (workers.includes(worker)) found.push({ pid: Number(name), worker });
  }
  return found;
}
