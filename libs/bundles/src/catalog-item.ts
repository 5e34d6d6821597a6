import type { Attributes } from '@facet/features';

/** An item as it was when the bundle was built. */
export interface CatalogItem {
  readonly itemId: string;
  readonly title?: string;
  readonly available?: boolean;
  readonly attributes: Attributes;
}
