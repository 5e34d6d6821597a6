import { checkArtifactStore } from '@facet/artifacts';
import { homePaths, readFacetConfig, warnOfMissingAttributes } from '@facet/config';
import type { FacetConfig, HomePaths } from '@facet/config';
import { readConfigPath, readServerSettings } from '@facet/config/environment';
import type { ServerSettings } from '@facet/config/environment';
import { readRedisFiles } from '@facet/config/connections';
import type { AppValues } from '@facet/config/variables';
import {
  createHttpMetrics,
  addHealthRoutes,
  addMetricsRoute,
  createHttpApp,
  listen,
  problemError,
  readAccess,
} from '@facet/http';
import type { HttpMetrics, Docs, HttpApp, ServerOptions } from '@facet/http';
import { createRunStore, refreshStages } from '@facet/runs';
import type { RefreshStage, RunStore } from '@facet/runs';
import { announce, closeOnSignal, createLogger, exitWithError, openWithClosers } from '@facet/platform';
import type { RedisFiles, Logger } from '@facet/platform';
import { respondToArguments } from '@facet/platform/app-arguments';
import { Counter, Gauge, Histogram } from 'prom-client';
import { Type } from 'typebox';
import { workerOf } from './queue/flow.ts';
import type { WorkerName } from './queue/flow.ts';
import { startStageWorker } from './queue/job-worker.ts';
import type { StageWorker } from './queue/job-worker.ts';
import { claimQueue } from './queue/refresh-queue.ts';

export interface WorkerConfig extends ServerSettings {
  readonly home: string;
  readonly configFile: string;
  readonly redisUrl: string;
  readonly redisFiles: RedisFiles;
  readonly prefix: string;
  readonly lockMs: number;
  readonly port: number;
}

/** @throws AppError `CONFIG_INVALID` when the variables contradict each other. */
export function workerConfig(
  values: Pick<AppValues<'trainer'>, keyof AppValues<'indexer'> & keyof AppValues<'trainer'>>,
): WorkerConfig {
  const home = homePaths(values.FACET_HOME);
  return {
    ...readServerSettings(values, home),
    home: home.folder,
    configFile: readConfigPath(values),
    redisUrl: values.FACET_QUEUE_URL,
    redisFiles: readRedisFiles(values, 'FACET_QUEUE'),
    prefix: values.FACET_QUEUE_PREFIX,
    lockMs: values.FACET_QUEUE_LOCK_SECONDS * 1000,
    port: values.FACET_PORT,
  };
}

interface WorkerMetrics extends HttpMetrics {
  observeStage(stage: RefreshStage, outcome: 'finished' | 'failed', seconds: number): void;
}

/** From a reused stage to a training of eight hours. */
const stageBuckets = [1, 5, 15, 60, 300, 900, 1_800, 3_600, 3 * 3_600, 8 * 3_600];

/** @param isConnected whether the worker can take jobs */
export function createWorkerMetrics(name: WorkerName, isConnected: () => boolean): WorkerMetrics {
  const http = createHttpMetrics();
  const registers = [http.registry];
  const durations = new Histogram({
    name: 'facet_refresh_stage_duration_seconds',
    help: 'Duration of a stage, by outcome.',
    labelNames: ['stage', 'outcome'] as const,
    buckets: stageBuckets,
    registers,
  });
  const ended = new Counter({
    name: 'facet_refresh_stages_total',
    help: 'Attempts at a stage, by outcome.',
    labelNames: ['stage', 'outcome'] as const,
    registers,
  });
  // Prometheus does not see the first increase of a counter that starts with it.
  for (const stage of refreshStages) if (workerOf[stage] === name) ended.inc({ stage, outcome: 'failed' }, 0);
  new Gauge({
    name: 'facet_refresh_queue_connected',
    help: '1 while the worker has a connection to the queue.',
    registers,
    collect() {
      this.set(isConnected() ? 1 : 0);
    },
  });
  return {
    ...http,
    observeStage(stage, outcome, seconds) {
      durations.observe({ stage, outcome }, seconds);
      ended.inc({ stage, outcome });
    },
  };
}

export interface WorkerAppDeps {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  readonly worker: Pick<StageWorker, 'isConnected' | 'working'>;
}

interface WorkerAppOptions extends ServerOptions {
  readonly docs: Docs;
}

const bodyBytesMax = 1 << 16;
/** No route of a worker is latency-critical. */
const eventLoopDelayMsMax = 5_000;

/** Creates the HTTP app of a worker with probes and metrics, without a socket. Add routes, then call `ready()`. */
export async function createWorkerApp(
  { logger, metrics, worker }: WorkerAppDeps,
  options: WorkerAppOptions,
): Promise<HttpApp> {
  const app = await createHttpApp({ logger, metrics }, { ...options, bodyBytesMax, eventLoopDelayMsMax });
  addMetricsRoute(app, metrics);
  addHealthRoutes(app, {
    readySummary: 'Whether the worker can take jobs: the queue responds',
    readyFacts: {
      working: Type.String({ description: 'The run and stage that the worker executes; empty when idle.' }),
    },
    readyExample: { working: '2026-01-31 train' },
    checkReady() {
      if (!worker.isConnected) throw problemError('NOT_READY', 'The queue in Redis does not respond.');
      const { working } = worker;
      return { working: working === undefined ? '' : `${working.runId} ${working.stage}` };
    },
  });
  return app;
}

interface RunningWorker {
  readonly url: string;
  /** Rejects when the worker cannot continue. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** The running parts of a worker that its app adds routes, metrics and loops to. */
export interface WorkerParts<Config> extends WorkerAppDeps {
  readonly config: Config;
  /** The content of `facet.yaml` at the start. */
  readonly settings: FacetConfig;
  readonly home: HomePaths;
  readonly runs: RunStore;
  readonly metrics: WorkerMetrics;
  /** Closes what the app has opened, the last one first. */
  readonly closers: (() => Promise<void>)[];
  /** Access and TLS of the API. */
  readonly server: ServerOptions;
}

/**
 * Starts the stage worker and its API. During an outage of Redis they wait.
 *
 * @throws AppError as `readFacetConfig`, `readAccess`, `checkArtifactStore`, `claimQueue` and `listen`.
 */
async function startWorker<Config extends WorkerConfig>(
  name: WorkerName,
  config: Config,
  logger: Logger,
  createApp: (parts: WorkerParts<Config>) => Promise<HttpApp>,
): Promise<RunningWorker> {
  const home = homePaths(config.home);
  const settings = await readFacetConfig(config.configFile);
  void warnOfMissingAttributes(config.configFile, { ...home, logger });
  const access = await readAccess(config.access, { logger });
  await checkArtifactStore(home.artifactsFolder);
  const claim = await claimQueue({ home, logger }, config);
  const runs = createRunStore(home.runsFolder);
  return openWithClosers(logger, async (closers) => {
    closers.push(claim.close);
    const metrics = createWorkerMetrics(name, () => worker.isConnected);
    const onEnded = metrics.observeStage;
    const worker = startStageWorker({ runs, logger, now: Date.now, onEnded }, { ...config, name });
    closers.push(() => worker.close());
    const server = { access, tls: config.tls };
    const app = await createApp({ config, settings, home, runs, logger, metrics, worker, closers, server });
    closers.push(() => app.close());
    const { url } = await listen(app, config);
    return { url, failed: claim.failed };
  });
}

/** Enough to stop a stage and return its job. */
const closeDelayMs = 15_000;

/**
 * Runs the process of a worker: responds to the arguments, or starts it, prints its URL, and closes it on a signal. If it cannot start or
 * continue, the exit code follows the category of the error.
 */
export async function runWorker<Config extends WorkerConfig>(
  name: WorkerName,
  help: string,
  readConfig: (environment: NodeJS.ProcessEnv) => Config,
  createApp: (parts: WorkerParts<Config>) => Promise<HttpApp>,
): Promise<void> {
  process.exitCode = respondToArguments(process.argv.slice(2), { name, help });
  if (process.exitCode !== undefined) return;
  let running: RunningWorker | undefined;
  try {
    const config = Object.freeze(readConfig(process.env));
    const logger = createLogger({ name, level: config.logLevel });
    if (config.access === 'anybody') logger.warn('responding without API keys: FACET_INSECURE is true');
    const { url, failed, close } = (running = await startWorker(name, config, logger, createApp));
    closeOnSignal(close, { logger, delayMs: closeDelayMs });
    announce({ type: 'listening', url });
    await failed.finally(close);
  } catch (error) {
    exitWithError(error, name, running === undefined ? 'cannot start' : 'cannot continue');
  }
}
