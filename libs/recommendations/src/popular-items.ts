import type { BundleView } from '@facet/bundles';
import type { Attributes } from '@facet/features';
import type { ItemSet } from '@facet/retrieval';
import type { Exclusions } from './exclusions.ts';
import type { ResponseSource } from './response.ts';

/** An item with its recent interaction count. */
interface PopularItem {
  readonly item: number;
  readonly score: number;
}

interface PopularRequest {
  readonly limit: number;
  /** The user's attributes. They select a segment. */
  readonly attributes?: Attributes | undefined;
  readonly exclusions: Exclusions;
  readonly allowed?: ItemSet | undefined;
  readonly reason: 'no_behaviors' | 'no_known_items' | 'no_interest' | 'unknown_item' | 'no_features';
}

/** Below this share of allowed items, sorting them costs less than a walk over all items by popularity. */
const fewAllowedShare = 1 / 64;

/** A window's list and a segment's list have at most this many items together. */
const listsLengthMax = 2_000;

/**
 * Returns the items that the user's segment chose recently, then those of all users, then the rest of the catalog. Fills the
 * limit if enough items are allowed. Scores are recent interaction counts of all users.
 */
export function findPopularItems(
  bundle: BundleView,
  { limit, attributes, exclusions, allowed, reason }: PopularRequest,
): { source: ResponseSource; found: PopularItem[] } {
  const { items: order, windowDays, segment } = bundle.popular.listFor({ attributes });
  const isFew = allowed !== undefined && allowed.count < bundle.itemCount * fewAllowedShare;
  const found = new Set<number>();
  for (const item of isFew ? listPopularThenAllowed(bundle, order, allowed) : order) {
    if (found.size >= limit) break;
    if (!exclusions.has(item)) found.add(item);
  }
  return {
    source: { kind: 'popular', reason, windowDays, segment },
    found: Array.from(found, (item) => ({ item, score: bundle.popularityOf(item) })),
  };
}

/** Yields the popular lists, which are the start of the order, and then the allowed items by popularity. */
function* listPopularThenAllowed(bundle: BundleView, order: Iterable<number>, allowed: ItemSet): Generator<number> {
  let visited = 0;
  for (const item of order) {
    if (visited++ === listsLengthMax) break;
    yield item;
  }
  yield* sortByPopularity(bundle, allowed);
}

function sortByPopularity(bundle: BundleView, items: ItemSet): Int32Array {
  return items
    .items()
    .slice()
    .sort((a, b) => bundle.popularityOf(b) - bundle.popularityOf(a) || a - b);
}
