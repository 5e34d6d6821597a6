import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext, publishDelta } from '@facet/pipeline';
import type { DeltaResult } from '@facet/pipeline';
import { serveOrder } from '@facet/platform';
import { explainFullDisk } from './run-refresh-child.ts';
import type { DeltaOrder } from './run-refresh-child.ts';

serveOrder<DeltaOrder, DeltaResult | null>(async ({ home, configFile }) => {
  const context = createStageContext(homePaths(home), await readFacetConfig(configFile));
  return (await explainFullDisk(() => publishDelta(context))) ?? null;
});
