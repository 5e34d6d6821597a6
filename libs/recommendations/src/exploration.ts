import { createLruCache, intersectAllowed } from '@facet/bundles';
import type { BundleView, FilteredItems } from '@facet/bundles';
import { createRandom, hashText } from '@facet/features';
import type { Random } from '@facet/features';
import { dayMs, oncePerKey } from '@facet/platform';
import { selectItems, withoutItems } from '@facet/retrieval';
import type { ItemSet } from '@facet/retrieval';
import { newItemDays } from './settings.ts';
import type { ExploreFields } from './settings.ts';

/** How new items are inserted into one list. */
export interface Exploration extends ExploreFields {
  /** Epoch milliseconds. Decides which items are new. */
  readonly now: number;
  /** Decides the number of reserved slots, their positions and their items. For example, the recommendationId. */
  readonly seed: string;
}

/** The new items of a view, by the first day on which an item counts as new. Each day adds an entry. */
const newItemsOf: (view: BundleView) => ReturnType<typeof createLruCache<ItemSet>> = oncePerKey(() =>
  createLruCache(16),
);

/** Returns the new items among the allowed ones, without the excluded ones. */
export function findNewItems(
  bundle: BundleView,
  { maxAgeDays = newItemDays, now }: Pick<Exploration, 'maxAgeDays' | 'now'>,
  { allowed, exclude }: { readonly allowed: FilteredItems | undefined; readonly exclude: Iterable<number> },
): ItemSet {
  const from = Math.floor(now / dayMs) - maxAgeDays;
  const items = newItemsOf(bundle).getOrCreate(String(from), () =>
    selectItems(bundle.itemCount, (item) => (bundle.firstSeenOn(item) ?? from) >= from),
  );
  const offered = allowed === undefined ? items : intersectAllowed([allowed, { ...items, unknownAttributes: [] }]);
  return withoutItems(offered, exclude);
}

/** The slots of one list that are reserved for new items. */
export interface ReservedSlots {
  readonly count: number;
  /** The mean of `count` over all seeds: share × limit. */
  readonly meanCount: number;
  /** Draws the items of the slots. */
  readonly random: Random;
}

/** Returns the reserved slots of a list: share × limit, which the seed rounds up or down so that the mean is exact. */
export function reserveSlots({ share, seed }: Pick<Exploration, 'share' | 'seed'>, limit: number): ReservedSlots {
  const random = createRandom(hashText(seed));
  // Products of decimal fractions are not exact: 0.07 × 100 is more than 7.
  const meanCount = Number((share * limit).toFixed(9));
  const least = Math.floor(meanCount);
  return { count: least + (random.next() < meanCount - least ? 1 : 0), meanCount, random };
}

/** Items from which the items of reserved slots are drawn. */
export interface ItemPool {
  readonly size: number;
  pick(random: Random): number;
}

/** Ranked items of a pool per reserved slot: more of them vary more, and match the interests less. */
const poolItemsPerSlot = 5;

/** Returns the size of a pool of the best items. It does not depend on the seed. */
export function rankedPoolSize({ meanCount }: ReservedSlots): number {
  return poolItemsPerSlot * Math.ceil(meanCount);
}

export function poolOfList(items: ArrayLike<number>): ItemPool {
  return { size: items.length, pick: (random) => items[random.int(items.length)]! };
}

/** From this share of a catalog, the items of a set are not listed: a few random items of the catalog contain one of the set. */
const manyItemsShare = 1 / 32;

/** @param items a set of the items 1 to `itemCount` */
export function poolOfSet(items: ItemSet, itemCount: number): ItemPool {
  if (items.count < itemCount * manyItemsShare) return poolOfList(items.items());
  return {
    size: items.count,
    pick(random) {
      for (;;) {
        const item = 1 + random.int(itemCount);
        if (items.has(item)) return item;
      }
    },
  };
}

/**
 * Draws items for reserved slots uniformly and without replacement, in random order. If the pool has fewer items than there
 * are slots, draws all of them.
 *
 * @returns the items, and the probability over all seeds that a given item of the pool is drawn
 */
export function drawItems(
  pool: ItemPool,
  { count, meanCount, random }: ReservedSlots,
): { readonly items: readonly number[]; readonly propensity: number } {
  const drawn = new Set<number>();
  while (drawn.size < Math.min(count, pool.size)) drawn.add(pool.pick(random));
  // Either the pool is large enough for every seed, or every seed draws the whole pool.
  return { items: [...drawn], propensity: Math.min(1, meanCount / pool.size) };
}

/** Inserts items into a list, each at an index that the seed draws. The list keeps its order. */
export function insertAtRandom<Item>(list: readonly Item[], inserted: readonly Item[], seed: string): readonly Item[] {
  if (inserted.length === 0) return list;
  const indices = Array.from({ length: list.length + inserted.length }, (_, index) => index);
  createRandom(hashText(seed)).fork('places').shuffle(indices);
  const insertedAt = new Map(inserted.map((item, index) => [indices[index]!, item]));
  let next = 0;
  return Array.from(indices, (_, index) => insertedAt.get(index) ?? list[next++]!);
}
