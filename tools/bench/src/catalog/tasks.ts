import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundleItems } from '@facet/bundles';
import { FacetConfig, homePaths } from '@facet/config';
import { createRandom } from '@facet/features';
import type { FeatureSchema } from '@facet/features';
import { changeCatalog, compactCatalog, readCatalogOffsets } from '@facet/lake';
import { createScratchFolder } from '@facet/local-services';
import { createInferenceEngine, facetModel } from '@facet/model';
import { createStageContext, publishDelta } from '@facet/stages';
import { parseWith } from '@facet/platform';
import { buildFaissIndex, syntheticVectors } from '@facet/retrieval';
import type { Item } from '@facet/schemas';
import { cpuTimeMs, memoryMb, timed } from '../figures.ts';
import { brandCount, categoryCount, createWorldModel, sequenceLength } from '../serving/world-parts.ts';
import { putBundles } from '../serving/world.ts';

/** The tasks in the order of their execution. */
export const taskNames = [
  'fill',
  'first delta',
  'writes',
  'large delta',
  'last upsert',
  'next delta',
  'full compaction',
] as const;

export interface Measured {
  readonly name: string;
  readonly seconds: readonly number[];
  /** Of all cores. More reliable than `seconds` on a busy machine. */
  readonly cpuSeconds: number;
  /** Without the pages of mapped files, which processes share. Sampled. */
  readonly privateMb: number;
  readonly peakMb: number;
  readonly delayMs: { readonly p99: number; readonly max: number };
}

interface Order {
  /** The data home. */
  readonly folder: string;
  readonly task: (typeof taskNames)[number];
  readonly bundleId: string;
  readonly upsertItems: number;
  readonly rounds: number;
}

const itemsPerFill = 20_000;
const source = 'facet.items.v1-0';

/** Writes a bundle of a generated catalog to the data home in a folder. Returns its id. */
export async function makeBundle(folder: string, itemCount: number): Promise<string> {
  const dim = facetModel.embeddingDim;
  const random = createRandom(6);
  const feature = (name: string, count: number): FeatureSchema => ({
    name,
    kind: 'category',
    values: Array.from({ length: count }, (_, value) => `${name}-${value}`),
    edges: [],
    slots: 1,
  });
  const model = createWorldModel(itemCount, [feature('brand', brandCount), feature('category', categoryCount)]);
  const embeddings = new Float32Array((itemCount + 1) * dim);
  embeddings.set(syntheticVectors(itemCount, dim, 1), dim);
  const index = await buildFaissIndex(embeddings.subarray(dim), dim, { kind: 'flat' });
  const indexFile = join((await createScratchFolder('bench-catalog-index')).path, 'index.faiss');
  await index.save(indexFile);
  index.close();
  const [ref] = await putBundles(createFolderArtifactStore(homePaths(folder).artifactsFolder), ['generated'], {
    model,
    choice: { kind: 'flat', reason: 'a benchmark', recall: null, recallAt: 200 },
    indexFile,
    embeddings,
    vectors: embeddings,
    engine: createInferenceEngine(model.spec, model.tower, embeddings),
    users: Array.from({ length: 20 }, () =>
      Int32Array.from({ length: sequenceLength }, () => 1 + random.int(itemCount)),
    ),
  });
  return ref!.id;
}

/** Runs a task. Returns its times, its peak memory and the delays of its event loop. */
export async function runTask(order: Order): Promise<Measured[]> {
  const { task, folder } = order;
  const home = homePaths(folder);
  switch (task) {
    case 'fill':
      await fill(order);
      return [];
    case 'writes':
      return upsert(home.catalogFolder, (await readBatches(folder)).slice(0, -1));
    case 'last upsert':
      await upsert(home.catalogFolder, (await readBatches(folder)).slice(-1));
      return [];
    case 'full compaction':
      return measure(task, () => compactCatalog(home.catalogFolder, { isFull: true }));
    default:
      return measure(task, () =>
        publishDelta(createStageContext(home, parseWith(FacetConfig, {}, { source: 'the benchmark' }))),
      );
  }
}

/** Writes the items of the bundle to the catalog, and promotes the bundle. */
async function fill({ folder, bundleId, upsertItems, rounds }: Order): Promise<void> {
  const { artifactsFolder, catalogFolder } = homePaths(folder);
  const store = createFolderArtifactStore(artifactsFolder);
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
  await writeFile(join(folder, batchesFile), JSON.stringify(batches));
  for (let start = 1; start <= catalog.itemCount; start += itemsPerFill) {
    const length = Math.min(itemsPerFill, catalog.itemCount - start + 1);
    await change(
      catalogFolder,
      Array.from({ length }, (_, index) => catalog.itemAt(start + index) as Item),
    );
    await compactCatalog(catalogFolder);
  }
}

const batchesFile = 'writes.json';

async function readBatches(folder: string): Promise<Item[][]> {
  return JSON.parse(await readFile(join(folder, batchesFile), 'utf8')) as Item[][];
}

/** Writes batches, each followed by a compaction, as the sink does. */
async function upsert(catalogFolder: string, batches: readonly Item[][]): Promise<Measured[]> {
  const watched = watch();
  const seconds: { readonly upsert: number[]; readonly compaction: number[] } = { upsert: [], compaction: [] };
  for (const batch of batches) {
    seconds.upsert.push((await timed(() => change(catalogFolder, batch))).seconds);
    seconds.compaction.push((await timed(() => compactCatalog(catalogFolder))).seconds);
  }
  const used = await watched.stop();
  return Object.entries(seconds).map(([name, of]) => ({ name, seconds: of, ...used }));
}

async function change(catalogFolder: string, items: readonly Item[]): Promise<void> {
  const from = (await readCatalogOffsets(catalogFolder)).get(source) ?? 0;
  await changeCatalog(catalogFolder, {
    items: items.map((item) => ({ id: item.itemId, record: item, receivedAt: Date.now() })),
    offsets: { [source]: { from, to: from + items.length } },
  });
}

async function measure(name: string, work: () => Promise<unknown>): Promise<Measured[]> {
  const watched = watch();
  const { seconds } = await timed(work);
  return [{ name, seconds: [seconds], ...(await watched.stop()) }];
}

function watch(): { stop(): Promise<Omit<Measured, 'name' | 'seconds'>> } {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const before = cpuTimeMs();
  let privateMb = 0;
  const sample = (): void => {
    privateMb = Math.max(privateMb, memoryMb('RssAnon'));
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
        peakMb: memoryMb('VmHWM'),
        privateMb,
        delayMs: { p99: delays.percentile(99) / 1e6, max: delays.max / 1e6 },
      };
    },
  };
}
