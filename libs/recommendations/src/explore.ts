import { intersectAllowed } from '@facet/bundles';
import type { BundleView, FilteredItems } from '@facet/bundles';
import { createRandom, hashText } from '@facet/features';
import { dayMs } from '@facet/platform';
import { selectItems } from '@facet/retrieval';
import type { ItemSet } from '@facet/retrieval';
import { newItemDays } from './settings.ts';
import type { ExploreFields } from './settings.ts';

/** How new items are inserted into one list. */
export interface Exploration extends ExploreFields {
  /** Epoch milliseconds. Decides which items are new. */
  readonly now: number;
  /** Decides which places are reserved. For example, the recommendationId. */
  readonly seed: string;
}

/** The new items of a view, by the first day on which an item counts as new. Each day adds an entry. */
const cachedSets = new WeakMap<BundleView, Map<number, ItemSet>>();
const cachedSetsMax = 16;

/** Returns the new items among the allowed ones. */
export function findNewItems(
  bundle: BundleView,
  { maxAgeDays = newItemDays, now }: Pick<Exploration, 'maxAgeDays' | 'now'>,
  allowed: FilteredItems | undefined,
): ItemSet {
  const from = Math.floor(now / dayMs) - maxAgeDays;
  let sets = cachedSets.get(bundle);
  if (sets === undefined) cachedSets.set(bundle, (sets = new Map()));
  let items = sets.get(from);
  if (items === undefined) {
    items = selectItems(bundle.itemCount, (item) => (bundle.firstSeenOn(item) ?? from) >= from);
    if (sets.size >= cachedSetsMax) sets.delete(sets.keys().next().value!);
    sets.set(from, items);
  }
  return allowed === undefined ? items : intersectAllowed([allowed, { ...items, unknownAttributes: [] }]);
}

/** Returns the number of places that an exploration reserves in a list. */
export function countReserved({ share }: Pick<ExploreFields, 'share'>, limit: number): number {
  return Math.round(share * limit);
}

/**
 * Inserts new items into a list, and returns at most `limit` items, each once. The seed draws the reserved places, each with
 * the probability reserved / limit. A reserved place gets the best new item that is not in the result yet. The other places
 * keep the order of the list. The result contains at least `reserved` new items, or all of `newItems`.
 *
 * @param list The list without exploration.
 * @param newItems New items, best first; `limit` of them, or all.
 */
export function insertNewItems<Found extends { readonly item: number }>(
  list: readonly Found[],
  newItems: readonly Found[],
  { limit, reserved, seed }: { readonly limit: number; readonly reserved: number; readonly seed: string },
): (Found & { readonly propensity?: number })[] {
  const places = Array.from({ length: limit }, (_, place) => place);
  createRandom(hashText(seed)).shuffle(places);
  const isReserved = new Set(places.slice(0, reserved));
  const taken = new Set<number>();
  const nextUnusedOf = (items: readonly Found[]): (() => Found | undefined) => {
    let next = 0;
    return () => {
      while (next < items.length && taken.has(items[next]!.item)) next++;
      return items[next];
    };
  };
  const [nextOfList, nextNew] = [nextUnusedOf(list), nextUnusedOf(newItems)];
  const result: (Found & { readonly propensity?: number })[] = [];
  for (let place = 0; place < limit; place++) {
    const explored = isReserved.has(place) ? nextNew() : undefined;
    const found = explored ?? nextOfList() ?? nextNew();
    if (found === undefined) break;
    taken.add(found.item);
    result.push(explored === undefined ? found : { ...found, propensity: reserved / limit });
  }
  return result;
}
