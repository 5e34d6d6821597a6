import { addHealthRoutes, addMetricsRoute, createHttpApp, problemError } from '@facet/http';
import type { Docs, HttpApp, HttpMetrics, Problems, ServerOptions } from '@facet/http';
import type { Logger } from '@facet/platform';
import { Type } from 'typebox';
import type { StageWorker } from '../queue/job-worker.ts';

export interface WorkerAppDeps {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  readonly worker: Pick<StageWorker, 'isConnected' | 'working'>;
}

export interface WorkerAppOptions extends ServerOptions {
  readonly problems: Problems;
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
