import type { BundleView } from '@facet/bundles';
import { describeItem, originOf, titleOf } from '../answer-parts.ts';
import { collectExclusions } from '../exclusions.ts';
import { allowedItemsOf } from '../filtering/allowed-items-of.ts';
import { resolveFilters } from '../filtering/resolve-filters.ts';
import { popularItems } from '../popular-items.ts';
import type { AnswerContext } from '../recommendations/answer-recommendations.ts';
import type { FoundItem, RecommendationSource } from '../recommend.ts';
import { nearestItems } from './nearest-items.ts';
import type { NearestRequest } from './nearest-items.ts';
import type { SimilarItemsAnswer, SimilarItemsRequest } from './similar-items-schema.ts';

/**
 * The items nearest to one item, by what it is like. An item that the bundle does not know, or of which the model knows
 * nothing, has popular ones instead.
 *
 * @throws AppError `REQUEST_INVALID` for a filter that is not declared.
 */
export async function answerSimilarItems(
  { itemId, limit, filters: names }: SimilarItemsRequest,
  { bundle, settings }: Pick<AnswerContext, 'bundle' | 'settings'>,
): Promise<SimilarItemsAnswer> {
  const filters = resolveFilters({ filters: names }, settings.filters);
  const allowed = allowedItemsOf(bundle, filters);
  const exclusions = collectExclusions(bundle, { exclude: [itemId], seen: [] }, allowed);
  const item = bundle.indexOf(itemId);
  const vector = item === undefined ? undefined : bundle.vectorOf(item).slice(0, bundle.info.spec.config.embeddingDim);
  const isKnown = vector?.some((value) => value !== 0) === true;
  const { source, found } = isKnown
    ? await findNearest(bundle, vector, { limit, exclude: exclusions.own, allowed })
    : popularItems(bundle, { limit, exclusions, allowed, reason: 'unknown_item' });
  return {
    ...originOf(bundle),
    itemId,
    ...titleOf(bundle, itemId),
    source,
    items: found.map((similar) => describeItem(bundle, similar)),
    requested: limit,
    returned: found.length,
  };
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
