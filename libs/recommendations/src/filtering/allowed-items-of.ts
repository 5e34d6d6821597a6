import type { BundleView } from '@facet/bundles';
import { allowItems } from '@facet/retrieval';
import type { AllowedItems } from '@facet/retrieval';
import type { AttributeFilter } from './filter-fields.ts';

/** What is available and passes all filters; undefined where that is everything. */
export function allowedItemsOf(bundle: BundleView, filters: readonly AttributeFilter[]): AllowedItems | undefined {
  if (filters.length === 0 && bundle.unavailable.size === 0) return undefined;
  return findAllowed(bundle, filters);
}

function findAllowed(bundle: BundleView, filters: readonly AttributeFilter[]): AllowedItems {
  return allowItems(bundle.itemCount, (item) => {
    if (bundle.unavailable.has(item)) return false;
    const { attributes } = bundle.itemAt(item);
    return filters.every((filter) =>
      Object.entries(filter).every(([name, { in: anyOf, notIn, min, max }]) => {
        const value = attributes[name];
        const values: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
        const isWithin = (bound: number, sign: 1 | -1): boolean =>
          values.some((found) => typeof found === 'number' && sign * (found - bound) >= 0);
        return (
          (anyOf === undefined || values.some((found) => anyOf.includes(found as string))) &&
          (notIn === undefined || !values.some((found) => notIn.includes(found as string))) &&
          (min === undefined || isWithin(min, 1)) &&
          (max === undefined || isWithin(max, -1))
        );
      }),
    );
  });
}
