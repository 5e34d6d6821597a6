import { openArtifactStore } from '@facet/artifacts';
import { createLogger, parseWith } from '@facet/platform';
import { ServingSettings } from '@facet/recommendations/settings';
import { createApp } from '../app.ts';
import { LiveBundle } from '../bundle/live-bundle.ts';
import { ArmBundles } from '../experiments/arm-bundles.ts';
import { createMetrics } from '../telemetry/metrics.ts';

/** Returns the OpenAPI document of `/docs/json`. Needs no bundle and no store. */
export async function describeApi(): Promise<Record<string, unknown>> {
  const logger = createLogger({ name: 'openapi', level: 'warn' });
  const store = openArtifactStore('none');
  const metrics = createMetrics();
  const arms = new ArmBundles({ store, experiments: [], metrics, logger });
  const comparisons = { artifactsFolder: 'none', gatesFolder: 'none', facetFile: 'none' };
  const settings = parseWith(ServingSettings, {}, { source: 'defaults' });
  const app = await createApp(
    { logger, store, live: new LiveBundle(), metrics, settings, arms, comparisons },
    { access: { kind: 'anybody' } },
  );
  try {
    return (await app.inject('/docs/json')).json();
  } finally {
    await app.close();
  }
}
