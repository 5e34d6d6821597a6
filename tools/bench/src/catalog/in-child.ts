// Runs one task of the catalog benchmark in a separate process and prints its times, its peak memory and delays of its event loop.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundleItems } from '@facet/bundles';
import { FacetConfig, homePaths } from '@facet/config';
import { createRandom } from '@facet/features';
import { changeCatalog, compactCatalog, readCatalogOffsets } from '@facet/lake';
import { createStageContext, publishDelta } from '@facet/pipeline';
import { parseWith } from '@facet/platform';
import type { Item } from '@facet/schemas';
import { cpuTimeMs, memoryMb, timed } from '../figures.ts';

export type Task = 'fill' | 'first delta' | 'writes' | 'large delta' | 'last upsert' | 'next delta' | 'full compaction';

export interface Measured {
  readonly name: string;
  readonly seconds: readonly number[];
  /** Of all cores. More reliable than `seconds` on a busy machine. */
  readonly cpuSeconds: number;
  /** Without the pages of mapped files, which processes share. Sampled. */
  readonly privateMegabytes: number;
  readonly peakMegabytes: number;
  readonly delayMs: { readonly p99: number; readonly max: number };
}

const [folder, task, bundleId, upsertItems, rounds] = JSON.parse(process.argv[2]!) as [
  string,
  Task,
  string,
  number,
  number,
];
const home = homePaths(folder);
const store = createFolderArtifactStore(home.artifactsFolder);
const batchesFile = join(folder, 'writes.json');
const itemsPerFill = 20_000;
const source = 'facet.items.v1-0';
const context = createStageContext(home, parseWith(FacetConfig, {}, { source: 'the benchmark' }));
const results: Measured[] = [];

if (task === 'fill') await fill();
else if (task === 'writes' || task === 'last upsert') await upsert();
else if (task === 'full compaction') await measure(task, () => compactCatalog(home.catalogFolder, { isFull: true }));
else await measure(task, () => publishDelta(context));
process.stdout.write(JSON.stringify(results));

/** Writes the items of the bundle to the catalog, and promotes the bundle. */
async function fill(): Promise<void> {
  const ref = { kind: 'bundle', id: bundleId };
  await store.promote(ref);
  const { catalog } = await loadBundleItems(store, ref);
  const random = createRandom(1);
  const batches = Array.from({ length: rounds + 1 }, (_, round) =>
    Array.from({ length: upsertItems }, (_, index): Item => {
      const item = catalog.itemAt(1 + random.int(catalog.itemCount)) as Item;
      const isNew = index % 10 === 0;
      const title = `edition ${round} of ${item.title}`;
      return { ...item, ...(isNew ? { itemId: `new-${round}-${index}` } : {}), title };
    }),
  );
  await writeFile(batchesFile, JSON.stringify(batches));
  for (let start = 1; start <= catalog.itemCount; start += itemsPerFill) {
    const length = Math.min(itemsPerFill, catalog.itemCount - start + 1);
    await change(Array.from({ length }, (_, index) => catalog.itemAt(start + index) as Item));
    await compactCatalog(home.catalogFolder);
  }
}

/** Writes all batches except the last, or the last one, each followed by a compaction, as the sink does. */
async function upsert(): Promise<void> {
  const batches = JSON.parse(await readFile(batchesFile, 'utf8')) as Item[][];
  const watched = watch();
  const seconds: { readonly upsert: number[]; readonly compaction: number[] } = { upsert: [], compaction: [] };
  for (const batch of task === 'writes' ? batches.slice(0, -1) : batches.slice(-1)) {
    seconds.upsert.push((await timed(() => change(batch))).seconds);
    seconds.compaction.push((await timed(() => compactCatalog(home.catalogFolder))).seconds);
  }
  const used = await watched.stop();
  if (task === 'last upsert') return;
  results.push(
    { name: 'upsert', seconds: seconds.upsert, ...used },
    { name: 'compaction', seconds: seconds.compaction, ...used },
  );
}

async function change(items: readonly Item[]): Promise<void> {
  const from = (await readCatalogOffsets(home.catalogFolder)).get(source) ?? 0;
  await changeCatalog(home.catalogFolder, {
    items: items.map((item) => ({ itemId: item.itemId, item, receivedAt: Date.now() })),
    offsets: { [source]: { from, to: from + items.length } },
  });
}

async function measure(name: string, work: () => Promise<unknown>): Promise<void> {
  const watched = watch();
  const { seconds } = await timed(work);
  results.push({ name, seconds: [seconds], ...(await watched.stop()) });
}

function watch(): { stop(): Promise<Omit<Measured, 'name' | 'seconds'>> } {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const before = cpuTimeMs();
  let privateMegabytes = 0;
  const sample = (): void => {
    privateMegabytes = Math.max(privateMegabytes, memoryMb('RssAnon'));
  };
  const timer = setInterval(sample, 20);
  return {
    async stop() {
      await setImmediate();
      clearInterval(timer);
      delays.disable();
      sample();
      return {
        cpuSeconds: (cpuTimeMs() - before) / 1_000,
        peakMegabytes: memoryMb('VmHWM'),
        privateMegabytes,
        delayMs: { p99: delays.percentile(99) / 1e6, max: delays.max / 1e6 },
      };
    },
  };
}
