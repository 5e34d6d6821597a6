import { oncePerKey } from '@facet/platform';
import { createBitmap, fullBitmap, itemSet, setBit } from '@facet/retrieval';
import type { ItemSet } from '@facet/retrieval';
import type { BundleView } from '../bundle/bundle-info.ts';
import { codeOf, isWithin, toNumber } from '../items/attribute-columns.ts';
import type { AttributeColumn, ColumnValues } from '../items/attribute-columns.ts';
import type { AttributeFilter } from './attribute-filter.ts';
import { filterOperators, testsOf } from './filter-operators.ts';
import type { AttributeCondition, OperatorName, FilterValue, ValueTest } from './filter-operators.ts';
import type { CatalogItem } from '../items/item-catalog.ts';

/** Items that pass a filter. */
export interface FilteredItems extends ItemSet {
  /** Attributes in the filter that no item has. */
  readonly unknownAttributes: readonly string[];
}

/** Limits of the cache per view: number of filters, and memory of their bitmaps. */
const [filtersMax, cacheBytesMax] = [1000, 64 * 1024 * 1024];

const cacheOf = oncePerKey(({ itemCount }: BundleView) =>
  createLruCache<FilteredItems>(Math.min(filtersMax, Math.ceil(cacheBytesMax / (1 + 2 * (itemCount >> 3))))),
);

/**
 * Returns the items that pass a filter, including items of the delta. Scans the columns of the named attributes, which
 * takes a few milliseconds per million items. Recently used filters are cached per view.
 */
export function compileFilter(view: BundleView, filter: AttributeFilter): FilteredItems {
  return cacheOf(view).getOrCreate(canonicalKey(filter), () => evaluateFilter(view, filter));
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
    if (Array.isArray(value)) return isSet(name) ? [...new Set(value.map(String))].sort() : (value as unknown[]);
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

/** Sets the bits of all items whose value in the column passes the test. */
function matchColumn(column: AttributeColumn, test: ValueTest, bits: Uint8Array): void {
  switch (column.type) {
    case 'text':
      return setBits(bits, column.codes, wantedCodes(column.values, test));
    case 'boolean':
      return setBits(bits, column.booleans, wantedBooleans(test));
    case 'number':
      return matchNumbers(column.numbers, test, bits);
    case 'list':
      return matchLists(column, wantedCodes(column.values, test), bits);
  }
}

/** Returns 1 at the code of each matching text, [V + 1]; undefined if no text matches. */
function wantedCodes(values: ColumnValues, test: ValueTest): Uint8Array | undefined {
  const wanted = new Uint8Array(values.texts.count + 1);
  let isAny = false;
  if ('among' in test) {
    for (const value of test.among) {
      const code = codeOf(values, String(value));
      if (code > 0) isAny = (wanted[code] = 1) === 1;
    }
  } else if ('passes' in test) {
    for (let value = 0; value < values.texts.count; value++) {
      if (test.passes(values.texts.at(value))) isAny = (wanted[value + 1] = 1) === 1;
    }
  } else {
    const { numbers } = values;
    for (let value = 0; value < numbers.length; value++) {
      if (isWithin(numbers[value]!, test.min, test.max)) isAny = (wanted[value + 1] = 1) === 1;
    }
  }
  return isAny ? wanted : undefined;
}

function wantedBooleans(test: ValueTest): Uint8Array {
  const passes = createValueTest(test);
  return Uint8Array.of(0, Number(passes(false)), Number(passes(true)));
}

/**
 * @param codes [N + 1]
 * @param wanted By code.
 */
function setBits(bits: Uint8Array, codes: Int32Array | Uint8Array, wanted: Uint8Array | undefined): void {
  if (wanted === undefined) return;
  for (let item = 1; item < codes.length; item++) bits[(item - 1) >> 3]! |= wanted[codes[item]!]! << ((item - 1) & 7);
}

/** Scans the codes, because most do not match, and finds the item only for matches. */
function matchLists(
  { offsets, codes }: Extract<AttributeColumn, { readonly type: 'list' }>,
  wanted: Uint8Array | undefined,
  bits: Uint8Array,
): void {
  if (wanted === undefined) return;
  let item = 1;
  for (let at = 0; at < codes.length; at++) {
    if (wanted[codes[at]!] !== 1) continue;
    while (offsets[item + 1]! <= at) item++;
    bits[(item - 1) >> 3]! |= 1 << ((item - 1) & 7);
  }
}

/** Matches numbers. NaN marks an item without a number; it matches no value and no range. */
function matchNumbers(numbers: Float64Array, test: ValueTest, bits: Uint8Array): void {
  if ('among' in test) {
    // Values are compared as text: the text 5.0 does not match the number 5.
    const among = new Set(test.among.map(toNumber).filter((number, at) => String(number) === String(test.among[at])));
    among.delete(Number.NaN);
    if (among.size === 0) return;
    for (let item = 1; item < numbers.length; item++) {
      if (among.has(numbers[item]!)) bits[(item - 1) >> 3]! |= 1 << ((item - 1) & 7);
    }
    return;
  }
  if ('passes' in test) {
    for (let item = 1; item < numbers.length; item++) {
      const number = numbers[item]!;
      if (!Number.isNaN(number) && test.passes(String(number))) bits[(item - 1) >> 3]! |= 1 << ((item - 1) & 7);
    }
    return;
  }
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = test;
  for (let item = 1; item < numbers.length; item++) {
    const number = numbers[item]!;
    // Avoids a branch that the CPU could not predict.
    const isWithinBounds = Number(number >= min) & Number(number <= max);
    bits[(item - 1) >> 3]! |= isWithinBounds << ((item - 1) & 7);
  }
}

/** Returns a test of the conditions of a filter for single items, for items that are not in columns. */
export function createItemTest(conditions: NonNullable<AttributeFilter['attributes']>): (item: CatalogItem) => boolean {
  const tests = Object.entries(conditions).flatMap(([name, condition]) =>
    testsOf(condition).map(({ test, excludes }) => ({ name, excludes, passes: createValueTest(test) })),
  );
  return ({ attributes }) =>
    tests.every(({ name, excludes, passes }) => {
      const values = Object.hasOwn(attributes, name) ? [attributes[name]!].flat() : [];
      return values.some(passes) !== excludes;
    });
}

function createValueTest(test: ValueTest): (value: FilterValue) => boolean {
  if ('passes' in test) return (value) => test.passes(String(value));
  if ('among' in test) {
    const texts = new Set(test.among.map(String));
    return (value) => texts.has(String(value));
  }
  return (value) => isWithin(toNumber(value), test.min, test.max);
}
