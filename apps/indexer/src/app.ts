import { createProblems } from '@facet/http';
import type { Access, HttpApp } from '@facet/http';
import type { WorkerAppDeps } from '@facet/refresh';
import { createWorkerApp } from '@facet/refresh';

/** The indexer's HTTP app, without a socket. */
export async function createApp(deps: WorkerAppDeps, { access }: { readonly access: Access }): Promise<HttpApp> {
  const docs = { title: 'Facet indexer', description: 'Bundles: built, judged, promoted.', scope: 'admin' as const };
  const app = await createWorkerApp(deps, { access, problems: createProblems({}), docs });
  await app.ready();
  return app;
}
