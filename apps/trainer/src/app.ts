import type { HttpApp, ServerOptions } from '@facet/http';
import type { WorkerAppDeps } from '@facet/refresh';
import { createWorkerApp } from '@facet/refresh';
import { addExperimentsRoutes } from './experiments/experiments-routes.ts';
import type { ExperimentsDeps } from './experiments/experiments-routes.ts';
import { addLineageRoutes } from './lineage/lineage-routes.ts';
import type { LineageDeps } from './lineage/lineage-routes.ts';
import { addRefreshesRoutes } from './refreshes/refreshes-routes.ts';
import type { RefreshesDeps } from './refreshes/refreshes-routes.ts';
import { addScheduleRoutes } from './refreshes/schedule-routes.ts';
import type { ScheduleDeps } from './refreshes/schedule-routes.ts';

export type AppDeps = WorkerAppDeps & RefreshesDeps & ScheduleDeps & LineageDeps & ExperimentsDeps;

/** Creates the HTTP app of the trainer, without a socket. */
export async function createApp(
  { logger, metrics, worker, ...deps }: AppDeps,
  options: ServerOptions,
): Promise<HttpApp> {
  const docs = {
    title: 'Facet trainer',
    description:
      'Refreshes of the model: request, follow and cancel runs. Lineage of artifacts. Reports of experiments. Reading needs a ' +
      'key with the scope read, all other routes need the scope admin.',
    scope: 'admin' as const,
    tags: ['refreshes', 'lineage', 'experiments'],
  };
  const app = await createWorkerApp({ logger, metrics, worker }, { ...options, docs });
  addRefreshesRoutes(app, deps);
  addScheduleRoutes(app, deps);
  addLineageRoutes(app, deps);
  addExperimentsRoutes(app, deps);
  await app.ready();
  return app;
}
