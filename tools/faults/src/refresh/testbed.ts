import { readdir, readFile } from 'node:fs/promises';
import { findFreePorts, startRedis } from '@facet/local-services';
import type { LocalRedis } from '@facet/local-services';
import { hasEnded } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport, StageRecord } from '@facet/pipeline/runs';
import { openRefreshQueue, scheduleName } from '@facet/refresh';
import type { RefreshQueue } from '@facet/refresh';
import { lastDay, requestedAt, schedule } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';
import { KillableApp } from '../killable-app.ts';
import { until } from '../wait.ts';

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

/** A data home with a dedicated Redis, trainer and indexer process. Call `startApps` to start the apps. */
export interface Testbed {
  readonly home: ShopHome;
  readonly redis: LocalRedis;
  readonly queue: RefreshQueue;
  readonly trainer: KillableApp;
  readonly indexer: KillableApp;
  /** Longest time in milliseconds that a stage process outlived its worker; infinite if it still runs. */
  readonly orphanMs: number;
  /** Requests a refresh of the shop's last day. Returns its run id. */
  request(isForced?: boolean): Promise<string>;
  /** Starts the indexer and one or two trainers. */
  startApps(options?: { readonly trainers?: 1 | 2 }): Promise<void>;
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

export interface TestbedOptions {
  /** Redis of the queue, which the testbed stops; a dedicated one by default. */
  readonly redis?: LocalRedis;
  /** The clock of requests. By default, it returns the time of the first request, so that all runs of the day give equal artifacts. */
  readonly now?: () => number;
  readonly lockSeconds?: number;
}

/** Creates a testbed. Request the first run before `startApps`, because a trainer without a run requests one automatically. */
export async function startTestbed(home: ShopHome, options: TestbedOptions = {}): Promise<Testbed> {
  const {
    redis = await startRedis({ persistent: true }),
    now = () => requestedAt,
    lockSeconds = jobLockSeconds,
  } = options;
  const ports = await findFreePorts(3);
  const env = {
    FACET_HOME: home.folder,
    FACET_CONFIG: home.configFile,
    FACET_QUEUE_URL: redis.url,
    FACET_QUEUE_PREFIX: queuePrefix,
    FACET_QUEUE_LOCK_SECONDS: String(lockSeconds),
    FACET_INSECURE: 'true',
    FACET_LOG_LEVEL: 'info',
  };
  const worker = (app: 'trainer' | 'indexer', port: number, more: Readonly<Record<string, string>>): KillableApp =>
    new KillableApp(app, {
      app,
      env: { ...env, FACET_PORT: String(port), ...more },
      // The app is healthy while it waits for Redis.
      readyUrl: `http://127.0.0.1:${port}/healthz`,
    });
  const trainerEnv = { FACET_SCHEDULER_SECONDS: String(schedulerSeconds) };
  const trainer = worker('trainer', ports[0]!, trainerEnv);
  const indexer = worker('indexer', ports[1]!, { FACET_DELTA_SECONDS: '0' });
  const apps = [trainer, indexer];
  const queue = openRefreshQueue(
    { ...home, schedule, now, attempts, backoffMs },
    { redisUrl: redis.url, prefix: queuePrefix },
  );
  let orphanMs = 0;

  const stop = async (): Promise<void> => {
    await queue.close().catch(() => undefined);
    await Promise.all(apps.map((app) => app.stop()));
    await redis.stop();
  };
  const orphans = async (): Promise<StageProcess[]> => {
    const living = apps.flatMap(({ isRunning, pids }) => (isRunning ? [pids.at(-1)] : []));
    const all = await stageProcesses(apps.flatMap(({ pids }) => pids));
    return all.filter(({ worker }) => !living.includes(worker));
  };

  return {
    home,
    redis,
    queue,
    trainer,
    indexer,
    get orphanMs() {
      return orphanMs;
    },
    async startApps({ trainers = 1 } = {}) {
      if (trainers === 2) apps.push(worker('trainer', ports[2]!, trainerEnv));
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
      const left = async (): Promise<boolean | undefined> => ((await orphans()).length === 0 ? true : undefined);
      const isGone = await until('the exit of orphans', left, 20).catch(() => false);
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
