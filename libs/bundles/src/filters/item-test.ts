import type { AttributeValue } from '@facet/features';
import type { CatalogItem } from '../catalog-item.ts';
import { isWithin, numberOf } from '../items/number-of.ts';
import type { AttributeCondition, AttributeFilter, FilterValue } from './attribute-filter.ts';

/** Whether an item meets the conditions of a filter, item by item: for those that lie in no columns. */
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
