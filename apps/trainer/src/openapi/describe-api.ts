import { openArtifactStore } from '@facet/artifacts';
import { homePaths } from '@facet/config';
import { createLogger } from '@facet/platform';
import { createRunStore } from '@facet/runs';
import { createWorkerMetrics } from '@facet/refresh';
import { createApp } from '../app.ts';
import { createExperimentReports } from '../experiments/experiments-routes.ts';

/** Returns the OpenAPI document of `/docs/json`. Needs no data home and no queue. */
export async function describeApi(): Promise<Record<string, unknown>> {
  const home = homePaths('none');
  const unused = (): never => {
    throw new Error('The description calls no route.');
  };
  const now = () => 0;
  const app = await createApp(
    {
      logger: createLogger({ name: 'openapi', level: 'warn' }),
      metrics: createWorkerMetrics('trainer', () => false),
      worker: { isConnected: false, working: undefined },
      runs: createRunStore(home.runsFolder),
      queue: { request: unused, cancel: unused, counts: unused },
      follow: unused,
      home,
      store: openArtifactStore(home.artifactsFolder),
      schedule: {
        cron: 'off',
        timeZone: 'UTC',
        promoteWithinHours: 6,
        catchUp: 'newest',
      },
      scheduler: { isHolder: false },
      experiments: [],
      reports: createExperimentReports({ ...home, now }),
      now,
    },
    { access: { kind: 'anybody' } },
  );
  try {
    return (await app.inject('/docs/json')).json();
  } finally {
    await app.close();
  }
}
