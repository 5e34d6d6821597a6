import type { Attributes, AttributeValue } from '@facet/features';
import type { Interests, UserKernel } from '@facet/model';
import type { VectorIndex } from '@facet/retrieval';
import type { ItemBitmap } from '../items/item-bitmap.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import type { Popular } from '../popularity/popular.ts';
import type { BundleInfo } from './bundle-info.ts';

/** A bundle as answers are made from it: as it was built, or with a delta over it. Its items have indices 1..itemCount. */
export interface BundleView {
  /** Of the bundle. */
  readonly id: string;
  /** Of the delta; absent when the bundle answers as it was built. */
  readonly deltaId?: string;
  readonly info: BundleInfo;
  readonly itemCount: number;
  readonly kernel: UserKernel;
  readonly index: VectorIndex;
  /** The bundle's own items, as they were when it was built. */
  readonly catalog: ItemCatalog;
  /** Items that the delta adds, and those of the bundle that it changes, as they are now; by index. */
  readonly deltaItems: ReadonlyMap<number, CatalogItem>;
  /** Items that are withdrawn. */
  readonly unavailable: ItemBitmap;
  /** Undefined for an item that is not known. */
  indexOf(itemId: string): number | undefined;
  idOf(item: number): string;
  titleOf(item: number): string | undefined;
  attributeOf(item: number, name: string): AttributeValue | undefined;
  /** All facts of an item: where one of them does, ask for that. */
  itemAt(item: number): CatalogItem;
  /** All items, most popular first. */
  itemsByPopularity(): Iterable<number>;
  popularityOf(item: number): number;
  /** What many chose lately, by window and segment. */
  readonly popular: Popular;
  /** [index dim] of the item, as the index holds it; not to be changed. */
  vectorOf(item: number): Float32Array;
  /** The score of one item and the interest that wins, as `bestInterest` of @facet/model. */
  bestInterest(interests: Interests, item: number): { readonly score: number; readonly interest: number };
  /** Table rows of a user's attributes for the kernel, one a user feature; 0 for unknown. */
  encodeProfile(attributes: Attributes | undefined): number[];
  /** The row of a user who has vectors of their own in the model, `unknownUser` for everybody else; for the kernel. */
  userRowOf(userId: string | undefined): number;
  /** Frees what it holds. Of a view with a delta: the delta's part, never the bundle. */
  close(): void;
}
