import type { ModelConfig, ModelSpec } from '@facet/model';
import { hashJson } from '../stage.ts';
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

/** Returns whether a full training with these settings can produce a model with this config: it may keep one interest instead of K. */
export function canProduce(settings: ModelConfig, trained: ModelConfig): boolean {
  const keptOneInterest = trained.interests === 1 && (settings.interestGainMin ?? 0) > 0;
  return hashJson(settings) === hashJson(keptOneInterest ? { ...trained, interests: settings.interests } : trained);
}
