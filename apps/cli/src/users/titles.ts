import type { Bundle } from '@facet/bundles';

/** An item as answers name it: its title where the catalog has one. */
export interface TitledItem {
  readonly itemId: string;
  readonly title?: string;
}

export function withTitle(bundle: Bundle, itemId: string): TitledItem {
  const index = bundle.vocabulary.indexOf(itemId);
  const title = index === undefined ? undefined : bundle.items[index]?.title;
  return title === undefined ? { itemId } : { itemId, title };
}
