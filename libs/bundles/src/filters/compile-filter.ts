import { allowedItems } from '@facet/retrieval';
import type { AllowedItems } from '@facet/retrieval';
import type { BundleView } from '../bundle/bundle-view.ts';
import type { AttributeColumn } from '../items/attribute-columns.ts';
import { createBits, setBit } from '../items/item-bitmap.ts';
import type { ItemBitmap } from '../items/item-bitmap.ts';
import type { AttributeCondition, AttributeFilter, FilterValue } from './attribute-filter.ts';
import { createItemTest, matchColumn } from './match-values.ts';
import type { ValueTest } from './match-values.ts';

/** The items that pass a filter. */
export interface FilteredItems extends AllowedItems {
  /** Attributes that the filter names and no item has. */
  readonly unknownAttributes: readonly string[];
}

/** Filters that are kept of one view, by their number and by the memory of their bits. */
const [keptMax, keptBytesMax] = [1000, 64 * 1024 * 1024];

/** Views go, and what was compiled for them with them: a delta's view has other items. */
const keptOf = new WeakMap<BundleView, ReturnType<typeof createRecentlyUsed<FilteredItems>>>();

/**
 * Finds the items that pass a filter, those of a delta included, by a walk over the columns of the attributes that it
 * names: a few milliseconds for a million items. Filters that were used lately are kept with the view.
 */
export function compileFilter(view: BundleView, filter: AttributeFilter): FilteredItems {
  let kept = keptOf.get(view);
  if (kept === undefined) {
    kept = createRecentlyUsed(Math.min(keptMax, Math.ceil(keptBytesMax / (1 + 2 * (view.itemCount >> 3)))));
    keptOf.set(view, kept);
  }
  return kept.take(canonicalKey(filter), () => evaluateFilter(view, filter));
}

/** The items that several filters allow; of one, what it allows. */
export function intersectAllowed(all: readonly [FilteredItems, ...FilteredItems[]]): FilteredItems {
  const [first, ...others] = all;
  if (others.length === 0) return first;
  const bits = first.bitmap.slice();
  for (const { bitmap } of others) keepCommon(bits, bitmap);
  return filteredBy(bits, [...new Set(all.flatMap(({ unknownAttributes }) => unknownAttributes))]);
}

function evaluateFilter(view: BundleView, filter: AttributeFilter): FilteredItems {
  const { itemCount, catalog, deltaItems, unavailable } = view;
  const conditions = Object.entries(filter.attributes ?? {});
  const own = allBits(catalog.itemCount);
  for (const [name, condition] of conditions) {
    applyCondition(
      own,
      catalog.columns.filter((column) => column.name === name),
      condition,
    );
  }
  const bits = createBits(itemCount);
  bits.set(own);
  const passes = createItemTest(filter.attributes ?? {});
  for (const [item, facts] of deltaItems) setBit(bits, item, passes(facts));
  if (filter.available !== undefined) keepAvailable(bits, unavailable, filter.available);
  const known = new Set(catalog.columns.map(({ name }) => name));
  for (const { attributes } of deltaItems.values()) for (const name of Object.keys(attributes)) known.add(name);
  return filteredBy(
    bits,
    conditions.flatMap(([name]) => (known.has(name) ? [] : [name])),
  );
}

/** Clears the bits of the items that fail a condition. */
function applyCondition(
  bits: Uint8Array,
  columns: readonly AttributeColumn[],
  { in: wanted, notIn, min, max }: AttributeCondition,
): void {
  const matches = (test: ValueTest): Uint8Array => {
    const found = new Uint8Array(bits.length);
    for (const column of columns) matchColumn(column, test, found);
    return found;
  };
  if (wanted !== undefined) keepCommon(bits, matches({ among: wanted }));
  if (notIn !== undefined) removeCommon(bits, matches({ among: notIn }));
  if (min !== undefined || max !== undefined) keepCommon(bits, matches({ min, max }));
}

function keepAvailable(bits: Uint8Array, unavailable: ItemBitmap, isAvailable: boolean): void {
  if (isAvailable) removeCommon(bits, unavailable.bits);
  else keepCommon(bits, unavailable.bits);
}

function keepCommon(bits: Uint8Array, others: Uint8Array): void {
  for (let byte = 0; byte < bits.length; byte++) bits[byte]! &= others[byte]!;
}

function removeCommon(bits: Uint8Array, others: Uint8Array): void {
  for (let byte = 0; byte < bits.length; byte++) bits[byte]! &= ~others[byte]!;
}

/** Bits of the items 1..N. */
function allBits(itemCount: number): Uint8Array {
  const bits = createBits(itemCount).fill(0xff);
  if (itemCount % 8 !== 0) bits[bits.length - 1] = (1 << (itemCount % 8)) - 1;
  return bits;
}

function filteredBy(bits: Uint8Array, unknownAttributes: readonly string[]): FilteredItems {
  return { ...allowedItems(bits), unknownAttributes };
}

/** Equal for filters that say the same in another order. */
function canonicalKey({ attributes = {}, available }: AttributeFilter): string {
  const texts = (values: readonly FilterValue[] | undefined) =>
    values === undefined ? null : [...new Set(values.map(String))].sort();
  const conditions = Object.entries(attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { in: wanted, notIn, min, max }]) => [name, texts(wanted), texts(notIn), min ?? null, max ?? null]);
  return JSON.stringify([conditions, available ?? null]);
}

/** Keeps what was used last: when there are more than `max`, what was not used for the longest time goes. */
export function createRecentlyUsed<Value>(max: number): { take(key: string, make: () => Value): Value } {
  // A map keeps the order in which its keys were set.
  const kept = new Map<string, Value>();
  return {
    take(key, make) {
      const value = kept.has(key) ? kept.get(key)! : make();
      kept.delete(key);
      kept.set(key, value);
      if (kept.size > max) kept.delete(kept.keys().next().value!);
      return value;
    },
  };
}
