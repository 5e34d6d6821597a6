import { createProblems } from '@facet/http';
import type { HttpApp, ServerOptions } from '@facet/http';
import type { WorkerAppDeps } from '@facet/refresh';
import { createWorkerApp } from '@facet/refresh';

/** Creates the HTTP app of the indexer, without a socket. */
export async function createApp(deps: WorkerAppDeps, options: ServerOptions): Promise<HttpApp> {
  const docs = { title: 'Facet indexer', description: 'Builds, judges and promotes bundles.', scope: 'admin' as const };
  const app = await createWorkerApp(deps, { ...options, problems: createProblems({}), docs });
  await app.ready();
  return app;
}
