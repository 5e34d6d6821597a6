import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext, publishDelta } from '@facet/pipeline';
import type { DeltaResult } from '@facet/pipeline';
import { serveOrder } from './child-side.ts';
import type { DeltaOrder } from './messages.ts';

serveOrder<DeltaOrder, DeltaResult | null>(async ({ home, configFile }) => {
  const context = createStageContext(homePaths(home), await readFacetConfig(configFile));
  return (await publishDelta(context)) ?? null;
});
