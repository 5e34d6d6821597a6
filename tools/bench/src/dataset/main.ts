import { rm } from 'node:fs/promises';
import { upsertItems, upsertUsers } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { homePaths } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { createScratchFolder, json, logProgress, option, readCommandLine, startSpark } from '@facet/local-services';
import { formatCount } from '@facet/platform';
import type { Effort } from '../figures.ts';
import { runInChild } from '../children.ts';
import { generateLake, sizeOf } from './generate-lake.ts';
import type { LakeSize } from './generate-lake.ts';

const { values } = readCommandLine({
  options: {
    events: option.number('Number of events; users are 1/50 and items 1/100 of it', 50_000_000),
    spark: option.flag(
      'Build with a Spark master and two workers, too, and compare the datasets; needs Java and Maven. The first run downloads 610 MB',
    ),
    json,
  },
  notes: `build  Wall time, processor time and peak memory of the dataset stage, in a separate process
spark  The same with --spark; time and memory of Spark are not included in processor time and peak memory
read   The same for opening the dataset as training does, in a separate process

Exit code: 0 when the first two processes stay below 4 GiB and the datasets are identical, 1 otherwise.`,
});

/** 4 GiB. */
const megabytesMax = 2 ** 32 / 1e6;
const size = sizeOf(values.events);
const { path: folder } = await createScratchFolder('bench-dataset');
const home = homePaths(folder);
const run = <Result>(task: string, resources: Pick<FacetConfig['dataset'], 'spark'> = {}): Promise<Result> =>
  runInChild(new URL('in-child.js', import.meta.url), [folder, task, resources]);

interface Measured extends Effort {
  readonly peakMegabytes: number;
}
interface Built extends Measured {
  readonly datasetId: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

await prepare(size);
const build = await run<Built>('build');
const read = await run<Measured>(build.datasetId);
const onSpark = values.spark ? await buildOnSpark() : undefined;
if (values.json) console.log(JSON.stringify({ ...size, build, read, onSpark }));
else {
  console.log(describe('build', build));
  if (onSpark !== undefined) console.log(describe('spark', onSpark));
  console.log(describe('read', read));
  console.log(`counts   ${list(build.counts)}`);
  console.log(`dropped  ${list(build.dropped)}`);
}
if (onSpark !== undefined && onSpark.datasetId !== build.datasetId) {
  logProgress(`Spark built dataset ${onSpark.datasetId} instead of ${build.datasetId}.`);
  process.exitCode = 1;
}
if (Math.max(build.peakMegabytes, read.peakMegabytes) > megabytesMax) {
  logProgress('Peak memory exceeded 4 GiB.');
  process.exitCode = 1;
}

async function buildOnSpark(): Promise<Built> {
  const { master, home: sparkHome, settings, stop } = await startSpark({ rows: 'many' });
  try {
    // A finished stage would not run again.
    await rm(home.stagesFolder, { recursive: true, force: true });
    return await run<Built>('build', { spark: { master, home: sparkHome, settings } });
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

function describe(name: string, { seconds, cpuSeconds, peakMegabytes }: Measured): string {
  const [elapsed, cpu] = [seconds, cpuSeconds].map((time) => time.toFixed(1).padStart(7));
  return `${name.padEnd(8)} ${elapsed} s wall time, ${cpu} s processor time, peak memory ${Math.round(peakMegabytes)} MB`;
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${formatCount(value)}`)
    .join(', ');
}
