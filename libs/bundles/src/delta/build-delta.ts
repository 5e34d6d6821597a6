import { isDeepStrictEqual } from 'node:util';
import {
  buildPopularityTimeline,
  createItemVocabulary,
  encodeFeatures,
  popularityFeatureCount,
  popularityFeatureNames,
  writeExpectedFeatures,
} from '@facet/features';
import type { EncodedFeature, ItemVocabulary, UserSequences } from '@facet/features';
import { contentItemsMax, createColdItemEmbedder, embedItems, indexVectors } from '@facet/model';
import { dayMs } from '@facet/platform';
import type { BundleFacts } from '../bundle/bundle.ts';
import { createBits, hasBit, setBit } from '../items/item-bitmap.ts';
import { createdDay } from '../items/created-at.ts';
import { featureAttributes, wasListed } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import type { DeltaContents, DeltaInfo } from './delta.ts';
import { launchCurvesOf } from './launch-tables.ts';

/** What a delta knows in addition to the catalog. */
export interface DeltaSources {
  /** Items known to have been removed from the catalog. The bundle may know them from events only. */
  readonly gone?: readonly string[] | undefined;
  /** The interactions with new items since the bundle was built. By default there are none. */
  readonly interactions?: NewInteractions | undefined;
}

export interface NewInteractions {
  /** The day of the popularity, counted from the epoch. Interactions before it count. */
  readonly today: number;
  /** Returns the sequences of all users, with the items of a vocabulary. */
  readonly sequencesOf: (vocabulary: ItemVocabulary) => UserSequences;
}

/**
 * Compares a catalog with a bundle. New items are embedded by items with similar content. Their popularity is the one that is expected
 * of an item without interactions, as in the bundle, or that of their first interactions if it scores higher. Deterministic.
 *
 * @param catalog All items, in any order.
 */
export function buildDelta(
  bundle: BundleFacts,
  catalog: readonly CatalogItem[],
  { gone: goneBefore = [], interactions }: DeltaSources = {},
): DeltaContents {
  const { added, changed, counts, gone } = compareCatalog(bundle.catalog, catalog, new Set(goneBefore));
  const features = popularityOfAdded(added, interactions);
  const { embeddings, vectors } = vectorsOf(bundle, added, features);
  const recent = popularityFeatureNames.indexOf('chosen30Days');
  return {
    info: {
      formatVersion: 1,
      bundleId: bundle.id,
      embeddingDim: bundle.info.spec.config.embeddingDim,
      indexDim: bundle.info.index.dim,
      counts,
      gone,
    },
    added,
    changed,
    embeddings,
    vectors,
    popularity: Float32Array.from(added, (_, position) =>
      Math.round(Math.expm1(features?.[(position + 1) * popularityFeatureCount + recent] ?? 0)),
    ),
  };
}

/** Returns the popularity features [M + 1, features] of new items by their interactions; undefined without interactions. */
function popularityOfAdded(
  added: readonly CatalogItem[],
  interactions: NewInteractions | undefined,
): Float32Array | undefined {
  if (interactions === undefined) return undefined;
  const vocabulary = createItemVocabulary(['', ...added.map(({ itemId }) => itemId)], 0);
  const sequences = interactions.sequencesOf(vocabulary);
  return buildPopularityTimeline(sequences, added.length, Number.POSITIVE_INFINITY).featuresOn(interactions.today);
}

function compareCatalog(
  known: ItemCatalog,
  catalog: readonly CatalogItem[],
  goneBefore: ReadonlySet<string>,
): Pick<DeltaContents, 'added' | 'changed'> & Pick<DeltaInfo, 'counts' | 'gone'> {
  const listed = createBits(known.itemCount);
  const added: CatalogItem[] = [];
  const changed: CatalogItem[] = [];
  const counts = { added: 0, withdrawn: 0, returned: 0, changed: 0 };
  for (const item of catalog) {
    const index = known.indexOf(item.itemId);
    if (index === undefined) {
      if (item.available !== false) added.push(item);
      continue;
    }
    setBit(listed, index);
    const change = changeOf(known.itemAt(index), item);
    if (change === undefined) continue;
    changed.push(item);
    counts[change]++;
  }
  const gone: string[] = [];
  for (let index = 1; index <= known.itemCount; index++) {
    if (hasBit(listed, index)) continue;
    const item = known.itemAt(index);
    // An item that no catalog ever listed is known from events only, and stays.
    if (!wasListed(item) && !goneBefore.has(item.itemId)) continue;
    gone.push(item.itemId);
    if (item.available === false) continue;
    changed.push({ ...item, available: false });
    counts.withdrawn++;
  }
  const byId = (a: CatalogItem, b: CatalogItem): number => (a.itemId < b.itemId ? -1 : 1);
  counts.added = added.length;
  return { added: added.sort(byId), changed: changed.sort(byId), counts, gone: gone.sort() };
}

function changeOf(before: CatalogItem, now: CatalogItem): 'withdrawn' | 'returned' | 'changed' | undefined {
  const [was, is] = [before.available !== false, now.available !== false];
  if (was !== is) return is ? 'returned' : 'withdrawn';
  const isSame = before.title === now.title && isDeepStrictEqual(before.attributes, now.attributes);
  return isSame ? undefined : 'changed';
}

/** @param actual [M + 1, features] of the new items by their interactions. */
function vectorsOf(
  bundle: BundleFacts,
  added: readonly CatalogItem[],
  actual: Float32Array | undefined,
): Pick<DeltaContents, 'embeddings' | 'vectors'> {
  const { spec, index } = bundle.info;
  const { embeddingDim } = spec.config;
  const features = encodeFeatures(spec.itemFeatures, [undefined, ...added.map(featureAttributes)]);
  const embeddings = embedContent(bundle, added, features);
  // `indexVectors` expects a padding row.
  const padded = new Float32Array(embeddingDim + embeddings.length);
  padded.set(embeddings, embeddingDim);
  const expected = new Float32Array((added.length + 1) * popularityFeatureCount);
  const curves = launchCurvesOf(bundle.itemTables);
  const today = Math.floor(bundle.info.asOf / dayMs);
  added.forEach(({ attributes }, position) => {
    const item = position + 1;
    const age = today - (createdDay(attributes) ?? today);
    writeExpectedFeatures(expected, item * popularityFeatureCount, curves, { features, item, age });
  });
  const vectors = indexVectors(spec, bundle.tower, padded, expected);
  if (actual !== undefined) keepHigherPrior(vectors, indexVectors(spec, bundle.tower, padded, actual), index.dim);
  return { embeddings: padded.slice(embeddingDim), vectors: vectors.slice(index.dim) };
}

/** Replaces rows by `others` with a higher popularity prior, the last coordinate. */
function keepHigherPrior(vectors: Float32Array, others: Float32Array, dim: number): void {
  for (let end = dim; end <= vectors.length; end += dim) {
    if (others[end - 1]! > vectors[end - 1]!) vectors.set(others.subarray(end - dim, end), end - dim);
  }
}

/** The parts of a bundle that embed items. */
type EmbeddingParts = Pick<BundleFacts, 'info' | 'itemTables' | 'catalog' | 'embeddings'>;

/**
 * Returns the embeddings [M, D] of items that the bundle does not know: the mean of the bundle's trained items with the most similar
 * content, or else of the side features (paper, §4.1); zero for an item without known features.
 */
export function embedNewItems(bundle: EmbeddingParts, items: readonly CatalogItem[]): Float32Array {
  const features = encodeFeatures(bundle.info.spec.itemFeatures, [undefined, ...items.map(featureAttributes)]);
  return embedContent(bundle, items, features);
}

/** @param features rows [M + 1, slots] of the items. */
function embedContent(
  { info: { spec, trainedCount }, itemTables, catalog, embeddings }: EmbeddingParts,
  items: readonly CatalogItem[],
  features: readonly EncodedFeature[],
): Float32Array {
  const D = spec.config.embeddingDim;
  const itemCount = items.length;
  const target = embedItems(spec, itemTables, { itemCount, trainedCount: 0, features });
  if (itemCount > 0) {
    const known = Math.min(trainedCount, contentItemsMax);
    const facts = Array.from({ length: known }, (_, position) => featureAttributes(catalog.itemAt(position + 1)));
    const knownFeatures = encodeFeatures(spec.itemFeatures, [undefined, ...facts]);
    const embedder = createColdItemEmbedder(
      {
        content: { features: knownFeatures, titleOf: (item) => catalog.titleOf(item) },
        embeddings,
        items: positions(known),
      },
      D,
    );
    embedder.embed(target, { features, titleOf: (item) => items[item - 1]!.title }, positions(itemCount));
  }
  return target.subarray(D);
}

const positions = (count: number): Int32Array => Int32Array.from({ length: count }, (_, position) => position + 1);
