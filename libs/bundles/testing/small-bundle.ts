import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import {
  createBehaviorRows,
  createRandom,
  encodeFeatures,
  popularityFeatureCount,
  writeBehaviorSequence,
} from '@facet/features';
import type { FeatureSchema } from '@facet/features';
import {
  createInferenceEngine,
  embedItems,
  fittedRepeatWeights,
  indexDim,
  indexVectors,
  initializeWeights,
  modelVariant,
  unknownUser,
} from '@facet/model';
import type { ModelSpec } from '@facet/model';
import { dayMs, hourMs } from '@facet/platform';
import { buildFaissIndex } from '@facet/retrieval';
import { bundleWeights, loadBundle, neverSeen, writeBundle } from '../src/bundle/bundle.ts';
import type { Bundle, BundleContents, BundleItems } from '../src/bundle/bundle.ts';
import { bundleFiles, bundleFormat } from '../src/bundle/bundle-info.ts';
import { buildDelta } from '../src/delta/build-delta.ts';
import type { DeltaInputs } from '../src/delta/build-delta.ts';
import { compareCatalog } from '../src/delta/delta.ts';
import type { DeltaContents } from '../src/delta/delta.ts';
import type { CatalogItem } from '../src/items/item-catalog.ts';
import { recordGoldenVector } from '../src/bundle/golden-vectors.ts';
import { encodeCatalog, openCatalog } from '../src/items/item-catalog.ts';
import type { ItemCatalog } from '../src/items/item-catalog.ts';
import type { PopularList, PopularLists } from '../src/popularity/popular-lists.ts';

export const asOf = Date.UTC(2026, 2, 1);
export const itemCount = 40;

const genre: FeatureSchema = { name: 'genre', kind: 'category', values: ['crime', 'opera'], edges: [], slots: 1 };
const age: FeatureSchema = { name: 'age', kind: 'category', values: ['old', 'young'], edges: [], slots: 1 };

/** Items 7 and 13 are withdrawn. */
function catalogOfSize(size: number): CatalogItem[] {
  return Array.from({ length: size + 1 }, (_, item): CatalogItem =>
    item === 0
      ? { itemId: '', attributes: {} }
      : {
          itemId: `item${item}`,
          title: `Title ${item}`,
          available: item === 7 || item === 13 ? false : undefined,
          attributes: { genre: item % 2 === 0 ? 'crime' : 'opera' },
        },
  );
}

/**
 * Returns the contents of a bundle with a random model, whose scores depend on item, interest, prior and behavior
 * sequence like those of a trained model. The last three items have no interactions.
 */
export function bundleContents(variant: 'facet' | 'mind' | 'maxmf' = 'facet', size = itemCount): BundleContents {
  const items = catalogOfSize(size);
  const trainedCount = size - 3;
  // Interests of a random model nearly coincide.
  const base = { ...modelVariant(variant).model, outputActivation: 'linear' as const, mergeCosine: 1 };
  const userIds = variant === 'maxmf' ? ['ada', 'bob', 'cyd'] : undefined;
  const config = { ...base, embeddingDim: 6, interests: 3, sequenceLength: 8, hiddenUnits: [8], profileDim: 2 };
  const spec: ModelSpec = {
    config,
    itemCount: size,
    userCount: userIds?.length,
    itemFeatures: [genre],
    userFeatures: [age],
  };
  const fitted = { shape: [6], data: Float32Array.of(0.6, 1, -2, 0.5, 1.5, -1) };
  const weights = {
    ...initializeWeights(spec, createRandom(1)),
    ...(config.repeatBonus ? { [fittedRepeatWeights]: fitted } : {}),
  };
  const random = createRandom(2);
  for (const [name, { data }] of Object.entries(weights)) {
    if (name !== 'routing/logits' && name !== fittedRepeatWeights) {
      data.forEach((_, cell) => (data[cell] = 0.5 * random.normal()));
    }
  }
  const features = encodeFeatures(
    [genre],
    items.map(({ attributes }) => attributes),
  );
  const embeddings = embedItems(spec, weights, { itemCount: size, trainedCount, features });
  const popularityFeatures = Float32Array.from(
    { length: (size + 1) * popularityFeatureCount },
    () => 2 * random.next(),
  );
  const vectors = indexVectors(spec, weights, embeddings, popularityFeatures);
  const { tower, itemTables } = bundleWeights(weights);
  const engine = createInferenceEngine(spec, tower, embeddings);
  const golden = [[1, 2, 3], [4, 5, 4, 6, 30, 31, 32, 33, 34], [40]].map((history, user) => {
    const rows = createBehaviorRows(1, config.sequenceLength);
    const times = history.map((_, position) => asOf - (history.length - position) * 20 * hourMs);
    const window = { items: history, times, start: 0, end: history.length };
    writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: config.distinctBehaviors });
    return recordGoldenVector(engine, rows, [user], userIds === undefined ? unknownUser : user);
  });
  return {
    info: {
      formatVersion: bundleFormat,
      modelId: 'model',
      datasetId: 'dataset',
      spec,
      trainedCount,
      interactions: { positives: 'purchase', repeats: 'keep', tieSeed: 1 },
      asOf,
      index: { kind: 'flat', reason: 'few items', dim: indexDim(spec), recall: 1, recallAt: size },
      metrics: { 'new.recall@50': 0.5 },
    },
    items,
    tower,
    itemTables,
    embeddings,
    vectors,
    // Items 10, 20, 30 and 40 are equally popular.
    popularity: Float32Array.from({ length: size + 1 }, (_, item) => (item % 10 === 0 ? 5 : (item * 7) % 40)),
    // The last three items were never seen.
    firstSeen: Int32Array.from({ length: size + 1 }, (_, item) =>
      item > trainedCount ? neverSeen : Math.floor(asOf / dayMs) - item,
    ),
    popularLists,
    golden,
    userIds,
  };
}

/** Young users are too few for a list of the last 7 days. */
const popularLists: PopularLists = {
  windowDays: [7, 30],
  minUsers: 50,
  attributes: [age],
  lists: [
    popularList(7, 100, [4, 7, 2]),
    popularList(7, 60, [12, 7, 5], 'old'),
    popularList(30, 300, [2, 4, 10]),
    popularList(30, 180, [5, 12], 'old'),
    popularList(30, 120, [3, 13], 'young'),
  ],
};

function popularList(windowDays: number, users: number, chosen: number[], value?: string): PopularList {
  return {
    windowDays,
    segment: value === undefined ? undefined : { attribute: age.name, value },
    users,
    items: Int32Array.from(chosen),
    chosenBy: Int32Array.from(chosen, (_, rank) => users - 10 * rank),
  };
}

/** Returns the catalog that a bundle of these items has. */
export function catalogOf(catalogItems: readonly CatalogItem[]): ItemCatalog {
  const { tensors, metadata } = encodeCatalog(catalogItems);
  return openCatalog(tensors, metadata);
}

export interface BundleStore {
  readonly root: string;
  readonly store: ArtifactStore;
  put(contents: BundleContents, change?: (folder: string) => Promise<void>): Promise<ArtifactRef>;
  remove(): Promise<void>;
}

/** Creates an artifact store in a temporary folder. `put` stores a bundle, optionally after changing its files. */
export async function createBundleStore(): Promise<BundleStore> {
  const root = await mkdtemp(join(tmpdir(), 'facet-bundles-'));
  const store = createFolderArtifactStore(root);
  return {
    root,
    store,
    put: (contents, change) =>
      store.put(
        'bundle',
        async (folder) => {
          await writeBundle(folder, contents);
          const { dim } = contents.info.index;
          const index = await buildFaissIndex(contents.vectors.subarray(dim), dim, { kind: 'flat' });
          await index.save(join(folder, bundleFiles.index));
          index.close();
          await change?.(folder);
        },
        {},
      ),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** Opens a bundle of each variant, in a dedicated store. */
export async function openSmallBundles() {
  const bundleStore = await createBundleStore();
  const open = async (variant: 'facet' | 'mind'): Promise<Bundle> =>
    loadBundle(bundleStore.store, await bundleStore.put(bundleContents(variant)));
  const bundles = { facet: await open('facet'), mind: await open('mind') };
  return {
    bundleStore,
    bundles,
    async close(): Promise<void> {
      for (const bundle of Object.values(bundles)) bundle.close();
      await bundleStore.remove();
    },
  };
}

/** Returns items that no bundle contains. Every third has no attribute. */
export function newItems(count: number): CatalogItem[] {
  return Array.from({ length: count }, (_, item): CatalogItem => ({
    itemId: `new${item}`,
    title: `New ${item}`,
    attributes: item % 3 === 2 ? {} : { genre: item % 3 === 0 ? 'crime' : 'opera' },
  }));
}

/** Builds a delta of a whole catalog. `gone` are items that an earlier delta withdrew. */
export function buildDeltaFromCatalog(
  bundle: BundleItems,
  catalog: readonly CatalogItem[],
  { gone, interactions }: Pick<DeltaInputs, 'interactions'> & { readonly gone?: readonly string[] } = {},
): DeltaContents {
  const comparison = compareCatalog(bundle.catalog, { gone });
  for (const item of catalog) comparison.add(item.itemId, item);
  return buildDelta(bundle, comparison.finish(), { interactions });
}
