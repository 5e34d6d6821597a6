import { findFreePorts, startRedis } from '@facet/local-services';
import type { LocalRedis } from '@facet/local-services';
import { hasEnded } from '@facet/pipeline/runs';
import type { RefreshStage, RunReport, StageRecord } from '@facet/pipeline/runs';
import { openRefreshQueue, scheduleName } from '@facet/refresh';
import type { RefreshQueue } from '@facet/refresh';
import { stageProcesses } from './processes.ts';
import type { StageProcess } from './processes.ts';
import { RefreshApp } from './refresh-app.ts';
import { lastDay, requestedAt, schedule } from './shop-home.ts';
import type { ShopHome } from './shop-home.ts';
import { until } from './wait.ts';

/** A job whose worker is silent for so long is given to another. */
export const lockSeconds = 2;
/** How often the schedule is looked after. */
export const schedulerSeconds = 1;
export const queuePrefix = 'faults';

/** Each fault that ends a stage's process takes one; those of a whole flow must not run out. */
const attempts = 4;
const backoffMs = 500;

/** How long a stage's process may outlive its worker. */
export const orphanMsMax = 2_000;

/** A home with a Redis, a trainer and an indexer of its own, all real processes; the apps are to be started. */
export interface Plant {
  readonly home: ShopHome;
  readonly redis: LocalRedis;
  readonly queue: RefreshQueue;
  readonly trainer: RefreshApp;
  readonly indexer: RefreshApp;
  /** How long the stage processes of killed workers went on at most, milliseconds; infinite for one that still does. */
  readonly orphanMs: number;
  /** Asks for a refresh of the shop's last day; gives its id. */
  request(isForced?: boolean): Promise<string>;
  /** Starts trainer and indexer, with two trainers a second one beside the first. */
  startApps(options?: { readonly trainers?: 1 | 2 }): Promise<void>;
  /** The record of a stage, once it satisfies. */
  untilStage(runId: string, stage: RefreshStage, isWanted: (record: StageRecord) => boolean): Promise<StageRecord>;
  ended(runId: string): Promise<RunReport>;
  /** A process that works on a stage, once there is one. */
  stageProcess(): Promise<StageProcess>;
  /** SIGKILL, and waits until the processes that it had started are gone. */
  killApp(app: RefreshApp): Promise<void>;
  /** The processes of stages that no living worker has. */
  orphans(): Promise<StageProcess[]>;
  stop(): Promise<void>;
}

/**
 * A plant for a home. The first run is to be asked for before its apps are started: a trainer that finds no run asks for one
 * by itself.
 */
export async function startPlant(home: ShopHome): Promise<Plant> {
  const redis = await startRedis({ persistent: true });
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
  const trainerEnv = { ...env, FACET_SCHEDULER_SECONDS: String(schedulerSeconds) };
  const trainer = new RefreshApp({ name: 'trainer', port: ports[0]!, env: trainerEnv });
  const indexer = new RefreshApp({ name: 'indexer', port: ports[1]!, env: { ...env, FACET_DELTA_SECONDS: '0' } });
  const apps = [trainer, indexer];
  const queue = openRefreshQueue(
    { ...home, schedule, now: () => requestedAt, attempts, backoffMs },
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
      if (trainers === 2) apps.push(new RefreshApp({ name: 'trainer', port: ports[2]!, env: trainerEnv }));
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
        if (hasEnded(report)) throw new Error(`${runId} has ended as ${report.state} before: ${report.reason}`);
        return undefined;
      }),
    ended: (runId) =>
      until(`the end of ${runId}`, async () => {
        const report = await home.runs.read(runId);
        return hasEnded(report) ? report : undefined;
      }),
    stageProcess: () =>
      until('a process of a stage', async () => (await stageProcesses(apps.flatMap(({ pids }) => pids)))[0]),
    async killApp(app) {
      await app.kill();
      const killedAt = Date.now();
      const left = async (): Promise<boolean | undefined> => ((await orphans()).length === 0 ? true : undefined);
      const isGone = await until('no orphans', left, 20).catch(() => false);
      orphanMs = isGone ? Math.max(orphanMs, Date.now() - killedAt) : Infinity;
    },
    orphans,
    stop,
  };
}
