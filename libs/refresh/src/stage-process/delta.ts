import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext, deltaStage } from '@facet/pipeline';
import type { DeltaResult } from '@facet/pipeline';
import { beChild } from './be-child.ts';
import type { DeltaOrder } from './messages.ts';

beChild<DeltaOrder, DeltaResult | null>(async ({ home, configFile }) => {
  const context = createStageContext(homePaths(home), await readFacetConfig(configFile));
  return (await deltaStage(context)) ?? null;
});
