import { compileFilter, intersectAllowed } from '@facet/bundles';
import type { BundleView, FilteredItems } from '@facet/bundles';
import type { ItemSet } from '@facet/retrieval';
import type { ItemConditions } from './filters.ts';
import type { RemovedItems } from './response.ts';

/** Returns the available items that pass all filters, or undefined if that is the whole catalog. */
export function findAllowedItems(bundle: BundleView, filters: readonly ItemConditions[]): FilteredItems | undefined {
  const [first, ...others] = filters.map((filter) => compileFilter(bundle, { ...filter, available: true }));
  if (first !== undefined) return intersectAllowed([first, ...others]);
  return bundle.unavailable.count === 0 ? undefined : compileFilter(bundle, { available: true });
}

/** Items that must not be returned. */
export interface Exclusions {
  /** Items that the request excludes or that the user has seen. */
  readonly own: ReadonlySet<number>;
  /** Whether an item is excluded, seen or not allowed. */
  has(item: number): boolean;
  readonly counts: RemovedItems;
}

/** @param allowed the available items that pass the filters; undefined: all items. */
export function collectExclusions(
  bundle: BundleView,
  { exclude, seen }: { readonly exclude: Iterable<string>; readonly seen: Iterable<string> },
  allowed: ItemSet | undefined,
): Exclusions {
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
    own,
    has: (item) => own.has(item) || allowed?.has(item) === false,
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
