// Writes a bundle of a generated catalog to a store, in a separate process. Prints its id.
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import {
  bundleFiles,
  bundleFormat,
  bundleWeights,
  noPopularLists,
  recordGoldenVector,
  writeBundle,
} from '@facet/bundles';
import type { BundleInfo, CatalogItem } from '@facet/bundles';
import { createBehaviorRows, createRandom, writeBehaviorSequence } from '@facet/features';
import type { FeatureSchema } from '@facet/features';
import { createInferenceEngine, facetModel, indexDim, initializeWeights, unknownUser } from '@facet/model';
import type { ModelSpec } from '@facet/model';
import { buildFaissIndex } from '@facet/retrieval';

const [root, itemCount] = JSON.parse(process.argv[2]!) as [string, number];
const dim = 64;

const random = createRandom(6);
const asOf = Date.UTC(2026, 2, 1);
const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix} ${at}`);
const [categories, brands, tags] = [names('category', 50), names('brand', 20_000), names('tag', 200)];

/** Prefers low indexes, as a few brands have most items. */
const skewed = (values: readonly string[]): string => values[Math.floor(values.length * random.next() ** 2)]!;

const items = Array.from({ length: itemCount + 1 }, (_, item): CatalogItem =>
  item === 0
    ? { itemId: '', attributes: {} }
    : {
        itemId: `sku-${100_000_000 + item * 7}`,
        title: `${skewed(brands)} thing ${item} in size ${random.int(50)}`,
        ...(item % 50 === 0 ? { available: false } : {}),
        attributes: {
          category: skewed(categories),
          brand: skewed(brands),
          price: random.int(100_000) / 100,
          tags: Array.from({ length: random.int(5) }, () => skewed(tags)),
        },
      },
);

const feature = (name: string, values: string[], slots = 1): FeatureSchema => ({
  name,
  kind: 'category',
  values,
  edges: [],
  slots,
});
const itemFeatures = [feature('brand', brands), feature('category', categories), feature('tags', tags, 4)];
const config = { ...facetModel, embeddingDim: dim, popularityPrior: false };
const spec: ModelSpec = { config, itemCount, itemFeatures, userFeatures: [feature('age', names('age', 10))] };
// A tower does not depend on the number of items.
const { tower, itemTables } = bundleWeights(initializeWeights({ ...spec, itemCount: 1 }, random));
const embeddings = new Float32Array((itemCount + 1) * dim);
for (let cell = dim; cell < embeddings.length; cell++) embeddings[cell] = random.next() - 0.5;
const engine = createInferenceEngine(spec, tower, embeddings);
const golden = Array.from({ length: 20 }, () => {
  const rows = createBehaviorRows(1, config.sequenceLength);
  const behaviors = Array.from({ length: config.sequenceLength }, () => 1 + random.int(itemCount));
  const times = behaviors.map((_, position) => asOf - (behaviors.length - position) * 3_600_000);
  const window = { items: behaviors, times, start: 0, end: behaviors.length };
  writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: config.distinctBehaviors });
  return recordGoldenVector(engine, rows, [1], unknownUser);
});

const info: BundleInfo = {
  formatVersion: bundleFormat,
  modelId: 'generated',
  datasetId: 'generated',
  spec,
  trainedCount: itemCount,
  interactions: { positives: 'purchase', repeats: 'keep', tieSeed: 1 },
  asOf,
  index: { kind: 'flat', reason: 'a benchmark', dim: indexDim(spec), recall: null, recallAt: 200 },
  metrics: {},
};
const index = await buildFaissIndex(embeddings.subarray(dim), dim, { kind: 'flat' });
/** Points in a hundred round groups. */
const groups = Array.from({ length: 100 }, () => [random.next() * 1.6 - 0.8, random.next() * 1.6 - 0.8] as const);
const positions = new Float32Array(2 * (itemCount + 1)).fill(Number.NaN);
for (let item = 1; item <= itemCount; item++) {
  const [x, y] = groups[random.int(groups.length)]!;
  const [angle, radius] = [2 * Math.PI * random.next(), 0.1 * Math.sqrt(-Math.log(1 - random.next()))];
  positions.set([x + radius * Math.cos(angle), y + radius * Math.sin(angle)], 2 * item);
}
const popularity = Float32Array.from({ length: itemCount + 1 }, () => Math.floor(1 / (random.next() + 1e-4)));
const { id } = await createFolderArtifactStore(root).put(
  'bundle',
  async (folder) => {
    await writeBundle(folder, {
      info,
      items,
      tower,
      itemTables,
      embeddings,
      vectors: embeddings,
      popularity,
      firstSeen: new Int32Array(popularity.length),
      popularLists: noPopularLists,
      golden,
      positions,
    });
    await index.save(join(folder, bundleFiles.index));
  },
  {},
);
index.close();
process.stdout.write(JSON.stringify(id));
