import { readdir, readFile } from 'node:fs/promises';
import { startRedis, thisMachine, until } from '@facet/local-services';
import type { LocalHost, LocalRedis } from '@facet/local-services';
import { hasEnded } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport, StageRecord } from '@facet/pipeline/runs';
import { openRefreshQueue, scheduleName } from '@facet/refresh';
import type { RefreshQueue } from '@facet/refresh';
import { lastDay, requestedAt, schedule } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';
import { KillableApp } from '../killable-app.ts';

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

export interface StageProcess {
  readonly pid: number;
  /** Process id of the worker that started the stage, which may have exited. */
  readonly worker: number;
}

/** The trainers and indexers of a data home. Call `startApps` to start the apps. */
export interface Workers {
  readonly home: ShopHome;
  readonly queue: RefreshQueue;
  readonly trainer: KillableApp;
  readonly indexer: KillableApp;
  /** All workers, including second ones. */
  readonly workers: readonly KillableApp[];
  /** Returns the longest time in milliseconds that a stage process outlived its worker; infinite if it still runs. */
  orphanMs(): number;
  /** Requests a refresh of the shop's last day. Returns its run id. */
  request(isForced?: boolean): Promise<string>;
  /** Starts an indexer and a trainer, or two of them. */
  startApps(second?: { readonly trainers?: 2; readonly indexers?: 2 }): Promise<void>;
  /** Waits until the record of a stage satisfies `isWanted`. */
  untilStage(runId: string, stage: RefreshStage, isWanted: (record: StageRecord) => boolean): Promise<StageRecord>;
  /** Waits for the end of a run, at most 180 seconds by default. */
  ended(runId: string, seconds?: number): Promise<RunReport>;
  /** Waits for a stage process. */
  stageProcess(): Promise<StageProcess>;
  /** Sends SIGKILL and waits until the stage processes of the app exit. */
  killApp(app: KillableApp): Promise<void>;
  /** Returns stage processes without a living worker. */
  orphans(): Promise<StageProcess[]>;
  stop(): Promise<void>;
}

/** Workers with a dedicated Redis. */
export interface Testbed extends Workers {
  readonly redis: LocalRedis;
}

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
export async function startTestbed(home: ShopHome): Promise<Testbed> {
  const redis = await startRedis({ persistent: true });
  const workers = await createWorkers(home, { queueUrl: redis.url });
  const stop = async (): Promise<void> => {
    await workers.stop();
    await redis.stop();
  };
  return { ...workers, redis, stop };
}

/** Creates workers whose queue is in a Redis that the caller stops. */
export async function createWorkers(home: ShopHome, options: WorkersOptions): Promise<Workers> {
  const {
    queueUrl,
    hosts = [thisMachine],
    now = () => requestedAt,
    lockSeconds = jobLockSeconds,
    deltaSeconds = 0,
  } = options;
  const env = {
    ...options.env,
    FACET_HOME: home.folder,
    FACET_CONFIG: home.configFile,
    FACET_QUEUE_URL: queueUrl,
    FACET_QUEUE_PREFIX: queuePrefix,
    FACET_QUEUE_LOCK_SECONDS: String(lockSeconds),
    FACET_INSECURE: 'true',
    FACET_LOG_LEVEL: 'info',
  };
  const settings = {
    trainer: { FACET_SCHEDULER_SECONDS: String(schedulerSeconds) },
    indexer: { FACET_DELTA_SECONDS: String(deltaSeconds) },
  };
  const apps: KillableApp[] = [];
  const add = (app: 'trainer' | 'indexer', name: string = app): KillableApp => {
    const host = hosts[apps.length % hosts.length]!;
    const worker = new KillableApp(name, {
      app,
      host,
      env: { ...env, ...settings[app] },
      // The app is healthy while it waits for Redis.
      probe: '/healthz',
    });
    apps.push(worker);
    return worker;
  };
  const [trainer, indexer] = [add('trainer'), add('indexer')];
  const queue = openRefreshQueue(
    { ...home, schedule, now, attempts, backoffMs },
    { redisUrl: queueUrl, prefix: queuePrefix },
  );
  let orphanMs = 0;

  const stop = async (): Promise<void> => {
    await queue.close().catch(() => undefined);
    await Promise.all(apps.map((app) => app.stop()));
  };
  const orphans = async (): Promise<StageProcess[]> => {
    const living = apps.flatMap(({ isRunning, pids }) => (isRunning ? [pids.at(-1)] : []));
    const all = await stageProcesses(apps.flatMap(({ pids }) => pids));
    return all.filter(({ worker }) => !living.includes(worker));
  };

  return {
    home,
    queue,
    trainer,
    indexer,
    workers: apps,
    orphanMs: () => orphanMs,
    async startApps(second = {}) {
      if (second.trainers === 2) add('trainer', 'trainer 2');
      if (second.indexers === 2) add('indexer', 'indexer 2');
      await Promise.all(apps.map((app) => app.start()));
    },
    async request(isForced = false) {
      const { report } = await queue.request({ day: lastDay, isForced, requestedBy: scheduleName });
      return report.run.runId;
    },
    untilStage: (runId, stage, isWanted) =>
      until(`${stage} of ${runId}`, async () => {
        const report = await home.runs.read(runId);
        const record = report.stages.find((each) => each.stage === stage);
        if (record !== undefined && isWanted(record)) return record;
        if (hasEnded(report)) throw new Error(`${runId} ended early as ${report.state}: ${report.reason}`);
        return undefined;
      }),
    ended: (runId, seconds) =>
      until(
        `the end of ${runId}`,
        async () => {
          const report = await home.runs.read(runId);
          return hasEnded(report) ? report : undefined;
        },
        seconds,
      ),
    stageProcess: () =>
      until('a stage process', async () => (await stageProcesses(apps.flatMap(({ pids }) => pids)))[0]),
    async killApp(app) {
      await app.kill();
      const killedAt = Date.now();
      const isGone = await until('the exit of orphans', async () => (await orphans()).length === 0, 20).catch(
        () => false,
      );
      orphanMs = isGone ? Math.max(orphanMs, Date.now() - killedAt) : Infinity;
    },
    orphans,
    stop,
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
