import { createFolderArtifactStore } from '@facet/artifacts';
import { createLogger, parseWith } from '@facet/platform';
import { ServingSettings } from '@facet/recommendations/settings';
import { createApp } from '../app.ts';
import { LiveBundle } from '../live/live-bundle.ts';
import { createMetrics } from '../metrics/metrics.ts';

/** The OpenAPI document of the API, as `/docs/json` has it. Needs no bundle and no store. */
export async function describeApi(): Promise<Record<string, unknown>> {
  const app = await createApp(
    {
      logger: createLogger({ name: 'openapi', level: 'warn' }),
      store: createFolderArtifactStore('none'),
      live: new LiveBundle(),
      metrics: createMetrics(),
      settings: parseWith(ServingSettings, {}, { source: 'defaults' }),
    },
    { access: { kind: 'anybody' } },
  );
  try {
    return (await app.inject('/docs/json')).json();
  } finally {
    await app.close();
  }
}
