import type { BundleView } from '@facet/bundles';
import { describeItem, originOf, titleOf } from '../answer-parts.ts';
import { collectExclusions } from '../exclusions.ts';
import { allowedItemsOf } from '../filtering/allowed-items-of.ts';
import { resolveFilters } from '../filtering/resolve-filters.ts';
import { popularItems } from '../popular-items.ts';
import type { AnswerContext } from '../recommendations/answer-recommendations.ts';
import type { FoundItem, RecommendationSource } from '../recommend.ts';
import { unmeasured } from '../stage-clock.ts';
import { nearestItems } from './nearest-items.ts';
import type { NearestRequest } from './nearest-items.ts';
import type { SimilarItemsAnswer, SimilarItemsRequest } from './similar-items-schema.ts';

/**
 * The items nearest to one item, by what it is like: what is learned of it, or of a new one, its attributes. An item that
 * the bundle does not know, or of which the model knows nothing, has popular ones instead.
 *
 * @throws AppError `REQUEST_INVALID` for a filter that is not declared, or lacks its context.
 */
export async function answerSimilarItems(
  request: SimilarItemsRequest,
  { bundle, settings, measure = unmeasured }: Pick<AnswerContext, 'bundle' | 'settings' | 'measure'>,
): Promise<SimilarItemsAnswer> {
  const { itemId, limit } = request;
  const filters = resolveFilters(request, settings.filters);
  const allowed = measure('filters', () => allowedItemsOf(bundle, filters));
  const exclusions = collectExclusions(bundle, { exclude: [itemId, ...request.exclude], seen: [] }, allowed);
  const item = bundle.indexOf(itemId);
  const vector = item === undefined ? undefined : bundle.vectorOf(item).slice(0, bundle.info.spec.config.embeddingDim);
  const isPlaced = vector?.some((value) => value !== 0) === true;
  const { source, found } = await measure('search', async () =>
    isPlaced
      ? findNearest(bundle, vector, { limit, exclude: exclusions.own, allowed })
      : popularItems(bundle, {
          limit,
          exclusions,
          allowed,
          reason: item === undefined ? 'unknown_item' : 'no_features',
        }),
  );
  const unknownAttributes = allowed?.unknownAttributes ?? [];
  return measure('render', () => ({
    ...originOf(bundle),
    itemId,
    ...titleOf(bundle, itemId),
    source,
    items: found.map((similar) => describeItem(bundle, similar)),
    requested: limit,
    returned: found.length,
    ...(unknownAttributes.length === 0 ? {} : { unknownAttributes: [...unknownAttributes] }),
  }));
}

async function findNearest(
  bundle: BundleView,
  vector: Float32Array,
  request: NearestRequest,
): Promise<{ source: RecommendationSource; found: FoundItem[] }> {
  const found = await nearestItems(bundle, withPlace(vector, bundle.info.index.dim), request);
  return { source: { kind: 'model' }, found };
}

/** A vector with a place for the popularity prior, as wide as those of the index. */
function withPlace(vector: Float32Array, dim: number): Float32Array {
  const wide = new Float32Array(dim);
  wide.set(vector);
  return wide;
}
