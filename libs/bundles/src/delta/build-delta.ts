import { isDeepStrictEqual } from 'node:util';
import { encodeFeatures, coldItemFeatures, popularityFeatureCount } from '@facet/features';
import { embedItems, indexVectors } from '@facet/model';
import type { BundleContents, BundleFacts } from '../bundle/bundle.ts';
import { createBits, hasBit, setBit } from '../items/item-bitmap.ts';
import { featureAttributes, wasListed } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import type { DeltaContents, DeltaInfo } from './delta.ts';

/**
 * Compares a catalog with a bundle. New items are embedded by their side features, with the popularity of an item
 * without interactions, exactly as the bundle embeds its own items without interactions. Deterministic.
 *
 * @param catalog All items, in any order.
 * @param goneBefore Items known to have been removed from the catalog. The bundle may know them from events only.
 */
export function buildDelta(
  bundle: BundleFacts,
  catalog: readonly CatalogItem[],
  goneBefore: readonly string[] = [],
): DeltaContents {
  const { added, changed, counts, gone } = compareCatalog(bundle.catalog, catalog, new Set(goneBefore));
  const { embeddings, vectors } = vectorsOf(bundle, added);
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
  };
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

function vectorsOf(bundle: BundleFacts, added: readonly CatalogItem[]): Pick<DeltaContents, 'embeddings' | 'vectors'> {
  const { spec, index } = bundle.info;
  const { embeddingDim } = spec.config;
  const embeddings = embedBySideFeatures(bundle, added);
  // `indexVectors` expects a padding row.
  const padded = new Float32Array(embeddingDim + embeddings.length);
  padded.set(embeddings, embeddingDim);
  const popularity = new Float32Array((added.length + 1) * popularityFeatureCount);
  for (let row = 1; row <= added.length; row++) popularity.set(coldItemFeatures, row * popularityFeatureCount);
  const vectors = indexVectors(spec, bundle.tower, padded, popularity).slice(index.dim);
  return { embeddings: padded.slice(embeddingDim), vectors };
}

/**
 * Returns the embeddings [M, D] of items that the bundle does not know, as the mean of their side feature embeddings
 * (paper, §4.1); zero for an item without known features.
 */
export function embedBySideFeatures(
  { info, itemTables }: Pick<BundleContents, 'info' | 'itemTables'>,
  items: readonly CatalogItem[],
): Float32Array {
  const { spec } = info;
  const holders = [undefined, ...items.map(featureAttributes)];
  const features = encodeFeatures(spec.itemFeatures, holders);
  const embeddings = embedItems(spec, itemTables, { itemCount: items.length, trainedCount: 0, features });
  return embeddings.subarray(spec.config.embeddingDim);
}
