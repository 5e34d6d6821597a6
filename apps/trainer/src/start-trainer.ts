import { openArtifactStore } from '@facet/artifacts';
import { parseExperiments } from '@facet/exposures';
import type { HttpApp } from '@facet/http';
import { followRun, openRefreshQueue, startScheduler } from '@facet/refresh';
import type { WorkerConfig, WorkerParts } from '@facet/refresh';
import { createApp } from './app.ts';
import { createExperimentReports } from './experiments/experiments-routes.ts';
import { addRefreshGauges } from './refresh-gauges.ts';

/** Starts the scheduler and creates the API. During an outage of Redis they wait. */
export async function startTrainer({
  config,
  settings,
  home,
  closers,
  server,
  ...parts
}: WorkerParts<WorkerConfig & { readonly schedulerMs: number }>): Promise<HttpApp> {
  const now = Date.now;
  const { runs, metrics, logger } = parts;
  const { refresh: schedule } = settings;
  const store = openArtifactStore(home.artifactsFolder);
  const { lakeFolder } = home;
  const queue = openRefreshQueue({ runs, store, lakeFolder, schedule, now }, config);
  closers.push(() => queue.close());
  const scheduler = startScheduler({ runs, queue, logger, now }, { ...config, schedule, everyMs: config.schedulerMs });
  closers.push(() => scheduler.close());
  addRefreshGauges(metrics.registry, { runs, store, queue, scheduler, schedule, now, logger });
  return createApp(
    {
      ...parts,
      home,
      queue,
      store,
      schedule,
      scheduler,
      now,
      follow: (runId, signal) => followRun(runs, runId, { ...config, signal }),
      experiments: parseExperiments(settings.experiments, config.configFile),
      reports: createExperimentReports({ ...home, now }),
    },
    server,
  );
}
