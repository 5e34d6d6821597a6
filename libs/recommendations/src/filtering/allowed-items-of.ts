import { compileFilter, intersectAllowed } from '@facet/bundles';
import type { AttributeFilter, BundleView, FilteredItems } from '@facet/bundles';

/** What is available and passes all filters; undefined where that is everything. */
export function allowedItemsOf(
  bundle: BundleView,
  filters: readonly Pick<AttributeFilter, 'attributes'>[],
): FilteredItems | undefined {
  const [first, ...others] = filters.map((filter) => compileFilter(bundle, { ...filter, available: true }));
  if (first !== undefined) return intersectAllowed([first, ...others]);
  return bundle.unavailable.size === 0 ? undefined : compileFilter(bundle, { available: true });
}
