import { createColdItemEmbedder, embedItems } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import type { ModelData } from '../dataset/dataset.ts';

/**
 * Returns the embeddings E [N + 1, D] of all items: of items with a trained id by the item tower, of other items by the known items with
 * similar content.
 *
 * @param known [N + 1] 0 for an item whose id is not trained yet; by default, every id of the vocabulary's trained items is.
 */
export function embedCatalog(
  spec: ModelSpec,
  weights: Weights,
  { items, vocabulary: { trainedCount }, itemFeatures }: Pick<ModelData, 'items' | 'vocabulary' | 'itemFeatures'>,
  known?: Uint8Array,
): Float32Array {
  const embeddings = embedItems(spec, weights, {
    itemCount: spec.itemCount,
    trainedCount,
    features: itemFeatures,
    known,
  });
  const isTrained = (item: number): boolean => item <= trainedCount && known?.[item] !== 0;
  const all = Int32Array.from({ length: spec.itemCount }, (_, position) => position + 1);
  const content = { features: itemFeatures, titleOf: (item: number) => items[item]!.title };
  const trained = { content, embeddings, items: all.filter(isTrained) };
  const cold = all.filter((item) => !isTrained(item));
  createColdItemEmbedder(trained, spec.config.embeddingDim).embed(embeddings, content, cold);
  return embeddings;
}
