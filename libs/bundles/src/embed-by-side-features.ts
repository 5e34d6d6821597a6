import { encodeFeatures } from '@facet/features';
import { embedItems } from '@facet/model';
import type { BundleContents } from './bundle.ts';
import { featureAttributes } from './catalog-item.ts';
import type { CatalogItem } from './catalog-item.ts';

/**
 * [M, D] embeddings of items that the bundle does not know, from their side features alone (paper, §4.1: the mean of what
 * there is); zero for an item of which the model knows no feature.
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
