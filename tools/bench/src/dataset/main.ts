import { rm } from 'node:fs/promises';
import { upsertItems, upsertUsers } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { homePaths } from '@facet/config';
import { createScratchFolder, logProgress, option, startSpark } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import { startBench } from '../bench.ts';
import { runInChild } from '../children.ts';
import { generateLake, sizeOf } from './generate-lake.ts';
import type { LakeSize } from './generate-lake.ts';
import { buildDataset, readDataset } from './tasks.ts';

const { values, report } = startBench({
  options: {
    events: option.number('Number of events; users are 1/50 and items 1/100 of it', 50_000_000),
    spark: option.flag(
      'Build with a Spark master and two workers, too, and compare the datasets; needs Java and Maven. The first run downloads 610 MB',
    ),
  },
  notes: `build  Wall time, processor time and peak memory of the dataset stage, in a separate process
spark  The same with --spark; time and memory of Spark are not included in processor time and peak memory
read   The same for opening the dataset as training does, in a separate process

Exit code: 0 when the first two processes stay below 4 GiB and the datasets are identical, 1 otherwise.`,
});

const size = sizeOf(values.events);
const { path: folder } = await createScratchFolder('bench-dataset');
const home = homePaths(folder);
const tasks = new URL('tasks.js', import.meta.url);

await prepare(size);
const build = await runInChild(tasks, buildDataset, folder);
const read = await runInChild(tasks, readDataset, folder, build.datasetId);
const spark = values.spark ? await buildOnSpark() : undefined;
const isMet = report({ ...size, build, read, spark }, [
  { name: 'peak memory, MB', value: Math.max(build.peakMb, read.peakMb), atMost: 2 ** 32 / 1e6 },
  {
    name: 'datasets that differ',
    value: Number(spark !== undefined && spark.datasetId !== build.datasetId),
    atMost: 0,
  },
]);
process.exitCode = isMet ? 0 : 1;

async function buildOnSpark() {
  const { master, home: sparkHome, settings, stop } = await startSpark({ rows: 'many' });
  try {
    // A finished stage would not run again.
    await rm(home.stagesFolder, { recursive: true, force: true });
    return await runInChild(tasks, buildDataset, folder, { master, home: sparkHome, settings });
  } finally {
    await stop();
  }
}

/** Generates the lake and the catalog. */
async function prepare(wanted: LakeSize): Promise<void> {
  const { bytes } = await generateLake(home.lakeFolder, wanted, (done) => {
    if (done % 10 === 0) logProgress(`${done} days generated`);
  });
  await upsertItems(home.catalogFolder, itemsOf(wanted));
  await upsertUsers(home.catalogFolder, usersOf(wanted));
  logProgress(`${formatCount(wanted.events)} events, ${Math.round(bytes / 1e6)} MB`);
}

function* itemsOf({ items }: LakeSize): Generator<Item> {
  for (let item = 0; item < items; item++) {
    const attributes = { brand: `brand-${item % 997}`, category: `category-${item % 41}`, price: (item % 500) + 0.5 };
    yield { itemId: `item-${String(item).padStart(8, '0')}`, title: `Item of kind ${item % 1009}`, attributes };
  }
}

function* usersOf({ users }: LakeSize): Generator<User> {
  for (let user = 0; user < users; user++) {
    yield { userId: `user-${String(user).padStart(8, '0')}`, attributes: { country: `c${user % 30}` } };
  }
}
