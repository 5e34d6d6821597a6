import type { HttpApp, ServerOptions } from '@facet/http';
import { createWorkerApp, startDeltaWatcher } from '@facet/refresh';
import type { WorkerAppDeps, WorkerConfig, WorkerParts } from '@facet/refresh';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Starts the delta watcher and creates the API. */
export async function startIndexer({
  config,
  closers,
  server,
  ...parts
}: WorkerParts<WorkerConfig & { readonly deltaMs: number }>): Promise<HttpApp> {
  const { logger, metrics } = parts;
  if (config.deltaMs > 0) {
    const deltas = startDeltaWatcher(
      { logger, onResult: countDeltas(metrics.registry) },
      { ...config, everyMs: config.deltaMs },
    );
    closers.push(() => deltas.close());
  }
  return createApp(parts, server);
}

/** Creates the HTTP app of the indexer, without a socket. */
export async function createApp(deps: WorkerAppDeps, options: ServerOptions): Promise<HttpApp> {
  const docs = { title: 'Facet indexer', description: 'Builds, judges and promotes bundles.', scope: 'admin' as const };
  const app = await createWorkerApp(deps, { ...options, docs });
  await app.ready();
  return app;
}

/** Registers the metrics of deltas. Returns the function that counts an outcome. */
function countDeltas(registry: Registry): (outcome: 'changed' | 'same' | 'failed') => void {
  const checks = new Counter({
    name: 'facet_indexer_deltas_total',
    help: 'Checks of a changed catalog, by outcome: published a delta, no delta needed, or failed.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  // Alerts see a rise from 0 only.
  for (const outcome of ['changed', 'same', 'failed']) checks.inc({ outcome }, 0);
  const last = new Gauge({
    name: 'facet_indexer_delta_timestamp_seconds',
    help: 'Time of the last successful check of a changed catalog, in seconds since the epoch.',
    registers: [registry],
  });
  return (outcome) => {
    checks.inc({ outcome });
    if (outcome !== 'failed') last.setToCurrentTime();
  };
}
