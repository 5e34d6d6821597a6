import type { Bundle } from '@facet/bundles';

/** An item as answers name it: its title where the catalog has one. */
export interface TitledItem {
  readonly itemId: string;
  readonly title?: string;
}

export function withTitle(bundle: Bundle, itemId: string): TitledItem {
  const item = bundle.indexOf(itemId);
  const title = item === undefined ? undefined : bundle.titleOf(item);
  return title === undefined ? { itemId } : { itemId, title };
}
