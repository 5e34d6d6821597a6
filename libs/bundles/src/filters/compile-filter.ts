import { createBitmap, fullBitmap, itemSet, setBit } from '@facet/retrieval';
import type { ItemSet } from '@facet/retrieval';
import type { BundleView } from '../bundle/bundle-view.ts';
import type { AttributeColumn } from '../items/attribute-columns.ts';
import type { AttributeFilter } from './attribute-filter.ts';
import { filterOperators, testsOf } from './filter-operators.ts';
import type { AttributeCondition, OperatorName } from './filter-operators.ts';
import { createItemTest, matchColumn } from './match-values.ts';

/** Items that pass a filter. */
export interface FilteredItems extends ItemSet {
  /** Attributes in the filter that no item has. */
  readonly unknownAttributes: readonly string[];
}

/** Limits of the cache per view: number of filters, and memory of their bitmaps. */
const [filtersMax, cacheBytesMax] = [1000, 64 * 1024 * 1024];

/** Weak, so that filters are collected with their view. */
const cacheOf = new WeakMap<BundleView, ReturnType<typeof createLruCache<FilteredItems>>>();

/**
 * Returns the items that pass a filter, including items of the delta. Scans the columns of the named attributes, which
 * takes a few milliseconds per million items. Recently used filters are cached per view.
 */
export function compileFilter(view: BundleView, filter: AttributeFilter): FilteredItems {
  let cache = cacheOf.get(view);
  if (cache === undefined) {
    cache = createLruCache(Math.min(filtersMax, Math.ceil(cacheBytesMax / (1 + 2 * (view.itemCount >> 3)))));
    cacheOf.set(view, cache);
  }
  return cache.getOrCreate(canonicalKey(filter), () => evaluateFilter(view, filter));
}

/** Returns the items that all filters allow. */
export function intersectAllowed(all: readonly [FilteredItems, ...FilteredItems[]]): FilteredItems {
  const [first, ...others] = all;
  if (others.length === 0) return first;
  const bits = first.bitmap.slice();
  for (const { bitmap } of others) intersect(bits, bitmap);
  return toFilteredItems(bits, [...new Set(all.flatMap(({ unknownAttributes }) => unknownAttributes))]);
}

function evaluateFilter(view: BundleView, filter: AttributeFilter): FilteredItems {
  const { itemCount, catalog, deltaItems, unavailable } = view;
  const conditions = Object.entries(filter.attributes ?? {});
  const own = fullBitmap(catalog.itemCount);
  for (const [name, condition] of conditions) {
    applyCondition(
      own,
      catalog.columns.filter((column) => column.name === name),
      condition,
    );
  }
  const bits = createBitmap(itemCount);
  bits.set(own);
  const passes = createItemTest(filter.attributes ?? {});
  for (const [item, facts] of deltaItems) setBit(bits, item, passes(facts));
  if (filter.available === true) subtract(bits, unavailable.bitmap);
  if (filter.available === false) intersect(bits, unavailable.bitmap);
  return toFilteredItems(
    bits,
    findUnknownAttributes(
      view,
      conditions.map(([name]) => name),
    ),
  );
}

/** Returns the attributes that no item has, of those named. */
export function findUnknownAttributes(
  { catalog, deltaItems }: Pick<BundleView, 'catalog' | 'deltaItems'>,
  names: readonly string[],
): string[] {
  const unknown = new Set(names);
  for (const { name } of catalog.columns) unknown.delete(name);
  for (const { attributes } of deltaItems.values()) {
    if (unknown.size === 0) break;
    for (const name of unknown) if (Object.hasOwn(attributes, name)) unknown.delete(name);
  }
  return [...unknown];
}

/** Clears the bits of items that fail a condition. */
function applyCondition(bits: Uint8Array, columns: readonly AttributeColumn[], condition: AttributeCondition): void {
  for (const { test, excludes } of testsOf(condition)) {
    const found = new Uint8Array(bits.length);
    for (const column of columns) matchColumn(column, test, found);
    if (excludes) subtract(bits, found);
    else intersect(bits, found);
  }
}

function intersect(bits: Uint8Array, others: Uint8Array): void {
  for (let byte = 0; byte < bits.length; byte++) bits[byte]! &= others[byte]!;
}

function subtract(bits: Uint8Array, others: Uint8Array): void {
  for (let byte = 0; byte < bits.length; byte++) bits[byte]! &= ~others[byte]!;
}

function toFilteredItems(bits: Uint8Array, unknownAttributes: readonly string[]): FilteredItems {
  return { ...itemSet(bits), unknownAttributes };
}

/** Returns the whole filter as JSON, with sorted fields and values: equal for equivalent filters in any order. */
function canonicalKey(filter: AttributeFilter): string {
  return JSON.stringify(filter, (name, value: unknown) => {
    // A field of the filter or an attribute may have the name of an operator, but only operators have arrays.
    if (Array.isArray(value)) return isSet(name) ? [...new Set(value.map(String))].sort() : value;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function isSet(name: string): boolean {
  return Object.hasOwn(filterOperators, name) && filterOperators[name as OperatorName].operand === 'values';
}

/** Creates a cache that evicts the least recently used value beyond `max`. */
export function createLruCache<Value>(max: number): { getOrCreate(key: string, make: () => Value): Value } {
  // A map iterates in insertion order.
  const kept = new Map<string, Value>();
  return {
    getOrCreate(key, make) {
      const value = kept.has(key) ? kept.get(key)! : make();
      kept.delete(key);
      kept.set(key, value);
      if (kept.size > max) kept.delete(kept.keys().next().value!);
      return value;
    },
  };
}
