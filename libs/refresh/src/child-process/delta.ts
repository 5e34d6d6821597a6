import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext, publishDelta } from '@facet/pipeline';
import type { DeltaResult } from '@facet/pipeline';
import { serveOrder } from '@facet/platform';
import { explainFullDisk } from './full-disk.ts';
import type { DeltaOrder } from './messages.ts';

serveOrder<DeltaOrder, DeltaResult | null>(async ({ home, configFile }) => {
  const context = createStageContext(homePaths(home), await readFacetConfig(configFile));
  return (await explainFullDisk(() => publishDelta(context))) ?? null;
});
