import type { ModelConfig, ModelSpec } from '@facet/model';
import type { ModelData } from '../dataset/dataset.ts';

/** Returns the layout of a model for a dataset. */
export function modelSpecOf(
  config: ModelConfig,
  { items, sequences, itemFeatures, profiles }: Pick<ModelData, 'items' | 'sequences' | 'itemFeatures' | 'profiles'>,
): ModelSpec {
  return {
    config,
    itemCount: items.length - 1,
    ...(config.extractor.kind === 'user-vectors' ? { userCount: sequences.userIds.length } : {}),
    itemFeatures: itemFeatures.map(({ schema }) => schema),
    userFeatures: profiles.map(({ schema }) => schema),
  };
}
