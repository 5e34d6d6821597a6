import type { AttributeValue } from '@facet/features';
import { codeOf, isWithin, numberOf } from '../items/attribute-columns.ts';
import type { AttributeColumn, ColumnValues } from '../items/attribute-columns.ts';
import type { CatalogItem } from '../items/item-catalog.ts';
import type { AttributeCondition, AttributeFilter, FilterValue } from './attribute-filter.ts';

/** A condition on a value: one of these, or a number in this range. */
export type ValueTest =
  { readonly among: readonly FilterValue[] } | { readonly min?: number | undefined; readonly max?: number | undefined };

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
  } else {
    const { numbers } = values;
    for (let value = 0; value < numbers.length; value++) {
      if (isWithin(numbers[value]!, test.min, test.max)) isAny = (wanted[value + 1] = 1) === 1;
    }
  }
  return isAny ? wanted : undefined;
}

function wantedBooleans(test: ValueTest): Uint8Array | undefined {
  if (!('among' in test)) return undefined;
  const texts = new Set(test.among.map(String));
  return Uint8Array.of(0, Number(texts.has('false')), Number(texts.has('true')));
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
  const tests = Object.entries(conditions).map(([name, condition]) => ({ name, test: createValueTest(condition) }));
  return ({ attributes }) =>
    tests.every(({ name, test }) => test(Object.hasOwn(attributes, name) ? attributes[name] : undefined));
}

function createValueTest({
  in: wanted,
  notIn,
  min,
  max,
}: AttributeCondition): (value: AttributeValue | undefined) => boolean {
  const [among, notAmong] = [wanted, notIn].map(textsOf);
  const hasRange = min !== undefined || max !== undefined;
  return (value) => {
    const values = value === undefined ? [] : [value].flat();
    return (
      (among === undefined || values.some((one) => among.has(String(one)))) &&
      (notAmong === undefined || !values.some((one) => notAmong.has(String(one)))) &&
      (!hasRange || values.some((one) => isWithin(numberOf(one), min, max)))
    );
  };
}

function textsOf(values: readonly FilterValue[] | undefined): ReadonlySet<string> | undefined {
  return values === undefined ? undefined : new Set(values.map(String));
}
