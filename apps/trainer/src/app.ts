import type { Access, HttpApp } from '@facet/http';
import type { WorkerAppDeps } from '@facet/refresh';
import { createWorkerApp } from '@facet/refresh';
import { addRefreshesRoutes, trainerProblems } from './refreshes/refreshes-routes.ts';
import type { RefreshesDeps } from './refreshes/refreshes-routes.ts';

/** Creates the HTTP app of the trainer, without a socket. */
export async function createApp(
  { logger, metrics, worker, ...refreshes }: WorkerAppDeps & RefreshesDeps,
  { access }: { readonly access: Access },
): Promise<HttpApp> {
  const docs = {
    title: 'Facet trainer',
    description: 'Refreshes of the model: request, follow and cancel runs.',
    scope: 'admin' as const,
    tags: ['refreshes'],
  };
  const app = await createWorkerApp({ logger, metrics, worker }, { access, problems: trainerProblems, docs });
  addRefreshesRoutes(app, refreshes);
  await app.ready();
  return app;
}
