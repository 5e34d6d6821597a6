import { checkArtifactStore, openArtifactStore } from '@facet/artifacts';
import { parseExperiments } from '@facet/exposures';
import { listen, readAccess } from '@facet/http';
import { homePaths, readFacetConfig, warnOfMissingAttributes } from '@facet/config';
import { createRunStore } from '@facet/pipeline/runs';
import { openWithClosers } from '@facet/platform';
import type { Logger } from '@facet/platform';
import {
  claimQueue,
  createWorkerMetrics,
  followRun,
  openRefreshQueue,
  startScheduler,
  startStageWorker,
} from '@facet/refresh';
import type { RunningWorker } from '@facet/refresh';
import { createApp } from './app.ts';
import { createExperimentReports } from './experiments/experiments-routes.ts';
import type { TrainerConfig } from './config.ts';
import { addRefreshGauges } from './refresh-gauges.ts';
import type { RefreshesDeps } from './refreshes/refreshes-routes.ts';

/**
 * Starts the stage worker, the scheduler and the API. During an outage of Redis they wait.
 *
 * @throws AppError as `readFacetConfig`, `readAccess`, `checkArtifactStore`, `claimQueue` and `listen`.
 */
export async function startTrainer(config: TrainerConfig, logger: Logger): Promise<RunningWorker> {
  const now = Date.now;
  const home = homePaths(config.home);
  const { refresh: schedule, experiments: declared } = await readFacetConfig(config.configFile);
  void warnOfMissingAttributes(config.configFile, { ...home, logger });
  const access = await readAccess(config.access, { logger });
  await checkArtifactStore(home.artifactsFolder);
  const claim = await claimQueue({ home, logger }, config);
  const store = openArtifactStore(home.artifactsFolder);
  const runs = createRunStore(home.runsFolder);

  return openWithClosers(logger, async (closers) => {
    closers.push(claim.close);
    const { lakeFolder } = home;
    const queue = openRefreshQueue({ runs, store, lakeFolder, schedule, now }, config);
    closers.push(() => queue.close());
    const metrics = createWorkerMetrics('trainer', () => worker.isConnected);
    const worker = startStageWorker(
      { runs, logger, now, onEnded: metrics.observeStage },
      { ...config, name: 'trainer' },
    );
    closers.push(() => worker.close());
    const scheduler = startScheduler(
      { runs, queue, logger, now },
      { ...config, schedule, everyMs: config.schedulerMs },
    );
    closers.push(() => scheduler.close());
    addRefreshGauges(metrics.registry, { runs, store, queue, scheduler, schedule, now, logger });

    const follow: RefreshesDeps['follow'] = (runId, signal) => followRun(runs, runId, { ...config, signal });
    const experiments = parseExperiments(declared, config.configFile);
    const reports = createExperimentReports({ ...home, now });
    const app = await createApp(
      {
        logger,
        metrics,
        worker,
        runs,
        queue,
        follow,
        home,
        store,
        schedule,
        scheduler,
        experiments,
        reports,
        now,
      },
      { access, tls: config.tls },
    );
    closers.push(() => app.close());
    const { url } = await listen(app, config);
    return { url, failed: claim.failed };
  });
}
