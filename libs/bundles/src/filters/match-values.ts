import { codeOf, isWithin, numberOf } from '../items/attribute-columns.ts';
import type { AttributeColumn, ColumnValues } from '../items/attribute-columns.ts';
import type { CatalogItem } from '../items/item-catalog.ts';
import type { AttributeFilter } from './attribute-filter.ts';
import { testsOf } from './filter-operators.ts';
import type { FilterValue, ValueTest } from './filter-operators.ts';

/** Sets the bits of all items whose value in the column passes the test. */
export function matchColumn(column: AttributeColumn, test: ValueTest, bits: Uint8Array): void {
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
    const among = new Set(test.among.map(numberOf).filter((number, at) => String(number) === String(test.among[at])));
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
  return (value) => isWithin(numberOf(value), test.min, test.max);
}
