import type { BundleView, PopularItems } from '@facet/bundles';
import type { Attributes } from '@facet/features';
import type { AllowedItems } from '@facet/retrieval';
import type { Exclusions } from './exclusions.ts';
import type { FoundItem } from './recommend.ts';

/** A fallback: the items most chosen lately, and why nothing better is known. */
export interface PopularSource extends Pick<PopularItems, 'windowDays' | 'segment'> {
  readonly kind: 'popular';
  readonly reason: 'no_behaviors' | 'no_known_items' | 'no_interest' | 'unknown_item' | 'no_features';
}

export interface PopularRequest {
  readonly limit: number;
  /** Of the user, who may be in a segment by them. */
  readonly attributes?: Attributes | undefined;
  readonly exclusions: Exclusions;
  readonly allowed?: AllowedItems | undefined;
  readonly reason: PopularSource['reason'];
}

/** Where so few pass the filters, they are ordered by themselves. */
const fewShare = 1 / 64;

/** The lists of a window and of a segment in it are no longer than this together. */
const listsLengthMax = 2_000;

/**
 * What many users like this one chose lately, then what all chose, then the rest of the catalog: as many as are allowed,
 * whatever is excluded. Scores are how often an item was chosen lately by anybody.
 */
export function popularItems(
  bundle: BundleView,
  { limit, attributes, exclusions, allowed, reason }: PopularRequest,
): { readonly source: PopularSource; readonly found: FoundItem[] } {
  const { items: order, windowDays, segment } = bundle.popular.listFor({ attributes });
  const isFew = allowed !== undefined && allowed.count < bundle.itemCount * fewShare;
  const found = new Set<number>();
  for (const item of isFew ? fewInOrder(bundle, order, allowed) : order) {
    if (found.size >= limit) break;
    if (!exclusions.has(item)) found.add(item);
  }
  return {
    source: { kind: 'popular', reason, windowDays, ...(segment === undefined ? {} : { segment }) },
    found: Array.from(found, (item) => ({ item, score: bundle.popularityOf(item) })),
  };
}

/** The beginning of the order, which holds the lists, and then the few by themselves: the whole catalog would be a long way. */
function* fewInOrder(bundle: BundleView, order: Iterable<number>, allowed: AllowedItems): Generator<number> {
  let visited = 0;
  for (const item of order) {
    if (visited++ === listsLengthMax) break;
    yield item;
  }
  yield* allowed
    .items()
    .slice()
    .sort((a, b) => bundle.popularityOf(b) - bundle.popularityOf(a) || a - b);
}
