import { checkArtifactStore } from '@facet/artifacts';
import { listen, readAccess } from '@facet/http';
import { homePaths, readFacetConfig, warnOfMissingAttributes } from '@facet/config';
import { createRunStore } from '@facet/pipeline/runs';
import { openWithClosers } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { claimQueue, createWorkerMetrics, startDeltaWatcher, startStageWorker } from '@facet/refresh';
import type { RunningWorker } from '@facet/refresh';
import { createApp } from './app.ts';
import type { IndexerConfig } from './config.ts';
import { countDeltas } from './delta-metrics.ts';

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
