import { FacetConfig, homePaths } from '@facet/config';
import { createStageContext, datasetStage, openDataset } from '@facet/stages';
import type { StageContext } from '@facet/stages';
import { dayMs, parseWith } from '@facet/platform';
import { memoryMb, timed } from '../figures.ts';
import { days, firstDay } from './generate-lake.ts';

/** Builds a dataset that ends one day before the last event, so that later and late events are cut off. Returns its times, too. */
export async function buildDataset(home: string, spark?: FacetConfig['dataset']['spark']) {
  const end = firstDay + (days - 1) * dayMs;
  const { result, ...effort } = await timed(() =>
    datasetStage(contextOf(home, spark), { occurredBefore: end, receivedBefore: end }),
  );
  const { datasetId, info } = result.output;
  return { datasetId, counts: info.counts, dropped: info.dropped, ...effort, peakMb: memoryMb('VmHWM') };
}

/** Opens a dataset as training does. */
export async function readDataset(home: string, datasetId: string) {
  const { result, ...effort } = await timed(() => openDataset(contextOf(home).store, datasetId));
  const { sequences, items } = result;
  const counts = { users: sequences.userIds.length, interactions: sequences.items.length, items: items.length - 1 };
  return { ...counts, ...effort, peakMb: memoryMb('VmHWM') };
}

function contextOf(home: string, spark?: FacetConfig['dataset']['spark']): StageContext {
  const settings = {
    dataset: { memoryLimit: '1500MB', ...(spark === undefined ? {} : { spark }) },
    interactions: { rareItems: { minUsers: 2 } },
    split: { testDays: 7, validationDays: 7 },
  };
  return createStageContext(homePaths(home), parseWith(FacetConfig, settings, { source: 'the benchmark' }));
}
