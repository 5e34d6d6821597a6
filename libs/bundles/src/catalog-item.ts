import type { Attributes } from '@facet/features';

/** An item as it was when the bundle was built. */
export interface CatalogItem {
  readonly itemId: string;
  readonly title?: string;
  readonly available?: boolean;
  readonly attributes: Attributes;
}

/** An item's attributes as its features are made of them: with its title among them. */
export function featureAttributes({ title, attributes }: Pick<CatalogItem, 'title' | 'attributes'>): Attributes {
  return title === undefined ? attributes : { ...attributes, title };
}

/** Whether the catalog that the bundle was built from held the item: it knows something of it. */
export function wasListed({ title, available, attributes }: CatalogItem): boolean {
  return title !== undefined || available !== undefined || Object.keys(attributes).length > 0;
}
