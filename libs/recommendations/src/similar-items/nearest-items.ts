import type { BundleView } from '@facet/bundles';
import { retrieveLists } from '@facet/retrieval';
import type { AllowedItems } from '@facet/retrieval';
import type { FoundItem } from '../recommend.ts';
import { searchParameters } from '../search-parameters.ts';

export interface NearestRequest {
  readonly limit: number;
  readonly exclude?: ReadonlySet<number>;
  readonly allowed?: AllowedItems | undefined;
}

/**
 * The items nearest to a vector of the index, by what they are like: the coordinate that meets the popularity prior, if
 * there is one, plays no part.
 *
 * @param vector [index dim]; it is changed.
 */
export async function nearestItems(
  bundle: BundleView,
  vector: Float32Array,
  { limit, exclude, allowed }: NearestRequest,
): Promise<FoundItem[]> {
  const { lists } = await retrieveLists({
    index: bundle.index,
    interests: vector.fill(0, bundle.info.spec.config.embeddingDim),
    active: 1,
    limit,
    ...(exclude === undefined ? {} : { exclude }),
    ...(allowed === undefined ? {} : { allowed }),
    parameters: searchParameters(bundle),
  });
  const [list] = lists;
  if (list === undefined) return [];
  return Array.from(list.items, (item, rank) => ({ item, score: list.scores[rank]! }));
}
