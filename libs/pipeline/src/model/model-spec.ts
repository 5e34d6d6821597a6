import { cutEnd } from '@facet/features';
import type { Cut, UserSequences } from '@facet/features';
import { interestsForData } from '@facet/model';
import type { ModelConfig, ModelSpec } from '@facet/model';
import type { ModelData } from '../dataset/dataset.ts';

/**
 * Returns the layout of a model for a dataset.
 *
 * @param before only interactions before this cut decide the number of interests; it is the first cut that the model is evaluated at
 */
export function modelSpecOf(
  config: ModelConfig,
  { items, sequences, itemFeatures, profiles }: Pick<ModelData, 'items' | 'sequences' | 'itemFeatures' | 'profiles'>,
  before: Cut,
): ModelSpec {
  return {
    config: { ...config, interests: interestsForData(config, behaviorCounts(sequences, config, before)) },
    itemCount: items.length - 1,
    ...(config.extractor.kind === 'user-vectors' ? { userCount: sequences.userIds.length } : {}),
    itemFeatures: itemFeatures.map(({ schema }) => schema),
    userFeatures: profiles.map(({ schema }) => schema),
  };
}

/** Yields the length of each user's behavior sequence at a cut. */
function* behaviorCounts(
  sequences: UserSequences,
  { sequenceLength, distinctBehaviors }: ModelConfig,
  before: Cut,
): Iterable<number> {
  for (let user = 0; user < sequences.userIds.length; user++) {
    const start = sequences.offsets[user]!;
    const end = cutEnd(sequences, user, before);
    const count = distinctBehaviors ? new Set(sequences.items.subarray(start, end)).size : end - start;
    yield Math.min(count, sequenceLength);
  }
}
