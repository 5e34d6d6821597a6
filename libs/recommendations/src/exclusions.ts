import { compileFilter, intersectAllowed } from '@facet/bundles';
import type { BundleView, FilteredItems } from '@facet/bundles';
import type { Attributes } from '@facet/features';
import type { ItemSet } from '@facet/retrieval';
import type { FallbackReason } from './fallback-reasons.ts';
import type { ItemConditions } from './filters.ts';
import type { ResponseSource } from './response.ts';

/** Returns the available items that pass all filters, or undefined if that is the whole catalog. */
export function findAllowedItems(bundle: BundleView, filters: readonly ItemConditions[]): FilteredItems | undefined {
  const [first, ...others] = filters.map((filter) => compileFilter(bundle, { ...filter, available: true }));
  if (first !== undefined) return intersectAllowed([first, ...others]);
  return bundle.unavailable.count === 0 ? undefined : compileFilter(bundle, { available: true });
}

/** Items that must not be returned. */
export type Exclusions = ReturnType<typeof collectExclusions>;

/** @param allowed the available items that pass the filters; undefined: all items. */
export function collectExclusions(
  bundle: BundleView,
  { exclude, seen }: { readonly exclude: Iterable<string>; readonly seen: Iterable<string> },
  allowed: ItemSet | undefined,
) {
  const { unavailable } = bundle;
  const own = new Set<number>();
  const add = (itemIds: Iterable<string>): void => {
    for (const itemId of itemIds) {
      const item = bundle.indexOf(itemId);
      if (item !== undefined) own.add(item);
    }
  };
  add(exclude);
  const excluded = own.size;
  add(seen);
  let ownUnavailable = 0;
  let ownFiltered = 0;
  for (const item of own) {
    if (unavailable.has(item)) ownUnavailable++;
    else if (allowed?.has(item) === false) ownFiltered++;
  }
  const offered = bundle.itemCount - unavailable.count;
  return {
    /** Items that the request excludes or that the user has seen. */
    own: own as ReadonlySet<number>,
    /** Whether an item is excluded, seen or not allowed. */
    has: (item: number): boolean => own.has(item) || allowed?.has(item) === false,
    counts: {
      seen: own.size - excluded,
      excluded,
      unavailable: unavailable.count - ownUnavailable,
      filtered: allowed === undefined ? 0 : offered - allowed.count - ownFiltered,
    },
  };
}

/** Excludes further items, which do not count as removed. */
export function excludeAlso(exclusions: Exclusions, found: readonly { readonly item: number }[]): Exclusions {
  if (found.length === 0) return exclusions;
  const own = new Set(exclusions.own);
  for (const { item } of found) own.add(item);
  return { ...exclusions, own, has: (item) => own.has(item) || exclusions.has(item) };
}

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
  readonly reason: FallbackReason;
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
