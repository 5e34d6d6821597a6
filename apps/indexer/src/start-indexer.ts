import { checkArtifactStore } from '@facet/artifacts';
import { homePaths, readFacetConfig, warnOfMissingAttributes } from '@facet/config';
import { listen, readAccess, createProblems } from '@facet/http';
import type { HttpApp, ServerOptions } from '@facet/http';
import { createRunStore } from '@facet/pipeline/runs';
import { openWithClosers } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { claimQueue, createWorkerMetrics, startDeltaWatcher, startStageWorker, createWorkerApp } from '@facet/refresh';
import type { RunningWorker, WorkerAppDeps } from '@facet/refresh';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { IndexerConfig } from './config.ts';

/**
 * Starts the stage worker, the delta watcher and the API. During an outage of Redis the worker waits.
 *
 * @throws AppError as `readFacetConfig`, `readAccess`, `checkArtifactStore`, `claimQueue` and `listen`.
 */
export async function startIndexer(config: IndexerConfig, logger: Logger): Promise<RunningWorker> {
  // Reports a wrong file at the start instead of in every stage.
  const home = homePaths(config.home);
  await readFacetConfig(config.configFile);
  void warnOfMissingAttributes(config.configFile, { ...home, logger });
  const access = await readAccess(config.access, { logger });
  await checkArtifactStore(home.artifactsFolder);
  const claim = await claimQueue({ home, logger }, config);
  const runs = createRunStore(home.runsFolder);

  return openWithClosers(logger, async (closers) => {
    closers.push(claim.close);
    const metrics = createWorkerMetrics('indexer', () => worker.isConnected);
    const worker = startStageWorker(
      { runs, logger, now: Date.now, onEnded: metrics.observeStage },
      { ...config, name: 'indexer' },
    );
    closers.push(() => worker.close());
    if (config.deltaMs > 0) {
      const deltas = startDeltaWatcher(
        { logger, onResult: countDeltas(metrics.registry) },
        { ...config, everyMs: config.deltaMs },
      );
      closers.push(() => deltas.close());
    }
    const app = await createApp({ logger, metrics, worker }, { access, tls: config.tls });
    closers.push(() => app.close());
    const { url } = await listen(app, config);
    return { url, failed: claim.failed };
  });
}

/** Creates the HTTP app of the indexer, without a socket. */
export async function createApp(deps: WorkerAppDeps, options: ServerOptions): Promise<HttpApp> {
  const docs = { title: 'Facet indexer', description: 'Builds, judges and promotes bundles.', scope: 'admin' as const };
  const app = await createWorkerApp(deps, { ...options, problems: createProblems({}), docs });
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
