import { embedColdItems, embedItems, findNeighbors } from '@facet/model';
import type { ModelConfig, ModelSpec, ColdItems, Weights } from '@facet/model';
import type { ModelData } from '../dataset/dataset.ts';
import { hashJson } from '../stage.ts';

/** Returns the layout of a model for a dataset. */
export function modelSpecOf(
  config: ModelConfig,
  {
    items,
    sequences,
    itemFeatures,
    userFeatures,
  }: Pick<ModelData, 'items' | 'sequences' | 'itemFeatures' | 'userFeatures'>,
): ModelSpec {
  return {
    config,
    itemCount: items.length - 1,
    ...(config.extractor.kind === 'user-vectors' ? { userCount: sequences.userIds.length } : {}),
    itemFeatures: itemFeatures.map(({ schema }) => schema),
    userFeatures: userFeatures.map(({ schema }) => schema),
  };
}

/** Returns whether a full training with these settings can produce a model with this config: it may keep one interest instead of K. */
export function canProduce(settings: ModelConfig, trained: ModelConfig): boolean {
  const keptOneInterest = trained.interests === 1 && (settings.interestGainMin ?? 0) > 0;
  return hashJson(settings) === hashJson(keptOneInterest ? { ...trained, interests: settings.interests } : trained);
}

type Catalog = Pick<ModelData, 'items' | 'vocabulary' | 'itemFeatures'>;

/** The items whose ids a model knows, and the others. */
export interface KnownItems {
  /** [N + 1] 0 for an item whose id is not trained yet; absent if the ids of all trained items of the vocabulary are known. */
  readonly known?: Uint8Array | undefined;
  /** The items without a trained id. */
  readonly cold: ColdItems;
}

/** Returns the items whose ids are not trained, with the known items that have the most similar content. */
export function coldItemsOf(
  { items, vocabulary: { trainedCount }, itemFeatures }: Catalog,
  known?: Uint8Array,
): ColdItems {
  const isTrained = (item: number): boolean => item <= trainedCount && known?.[item] !== 0;
  const all = Int32Array.from(items.keys()).subarray(1);
  const content = { features: itemFeatures, titleOf: (item: number) => items[item]!.title };
  return findNeighbors(
    { content, items: all.filter(isTrained) },
    { content, items: all.filter((item) => !isTrained(item)) },
  );
}

/**
 * Returns the embeddings E [N + 1, D] of all items. The item tower embeds items with a trained id. Other items get embeddings from known
 * items with similar content.
 */
export function embedCatalog(
  spec: ModelSpec,
  weights: Weights,
  catalog: Catalog,
  { known, cold }: KnownItems = { cold: coldItemsOf(catalog) },
): Float32Array {
  const embeddings = embedItems(spec, weights, {
    itemCount: spec.itemCount,
    trainedCount: catalog.vocabulary.trainedCount,
    features: catalog.itemFeatures,
    known,
  });
  embedColdItems(embeddings, cold, { embeddings, dim: spec.config.embeddingDim });
  return embeddings;
}
