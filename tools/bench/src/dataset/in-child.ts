// Runs one task of the benchmark in a separate process and prints its time and peak memory.
import { FacetConfig, homePaths } from '@facet/config';
import { createStageContext, datasetStage, openDataset } from '@facet/pipeline';
import { dayMs, parseWith } from '@facet/platform';
import { memoryMb, timed } from '../figures.ts';
import { days, firstDay } from './generate-lake.ts';

const [home, task, resources] = JSON.parse(process.argv[2]!) as [string, string, object];
const config = parseWith(
  FacetConfig,
  {
    dataset: { memoryLimit: '1500MB', ...resources },
    interactions: { rareItems: { minUsers: 2 } },
    split: { testDays: 7, validationDays: 7 },
  },
  { source: 'the benchmark' },
);
const context = createStageContext(homePaths(home), config);
const { result, ...effort } = await timed(() => (task === 'build' ? build() : read(task)));
process.stdout.write(JSON.stringify({ ...result, ...effort, peakMegabytes: memoryMb('VmHWM') }));

/** Builds a dataset that ends one day before the last event, so that later and late events are cut off. */
async function build(): Promise<object> {
  const end = firstDay + (days - 1) * dayMs;
  const { output } = await datasetStage(context, { occurredBefore: end, receivedBefore: end });
  const { counts, dropped } = output.info;
  return { datasetId: output.datasetId, counts, dropped };
}

async function read(datasetId: string): Promise<object> {
  const { sequences, items } = await openDataset(context.store, datasetId);
  return { users: sequences.userIds.length, interactions: sequences.items.length, items: items.length - 1 };
}
