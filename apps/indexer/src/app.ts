import { createProblems } from '@facet/http';
import type { Access, HttpApp } from '@facet/http';
import type { WorkerAppDeps } from '@facet/refresh';
import { createWorkerApp } from '@facet/refresh';

/** Creates the HTTP app of the indexer, without a socket. */
export async function createApp(deps: WorkerAppDeps, { access }: { readonly access: Access }): Promise<HttpApp> {
  const docs = { title: 'Facet indexer', description: 'Builds, judges and promotes bundles.', scope: 'admin' as const };
  const app = await createWorkerApp(deps, { access, problems: createProblems({}), docs });
  await app.ready();
  return app;
}
