import type { Attributes } from '@facet/features';
import type { Interests, InferenceEngine, ItemScore } from '@facet/model';
import type { VectorIndex } from '@facet/retrieval';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import type { Popular } from '../popularity/popular.ts';
import type { BundleInfo } from './bundle-info.ts';

/** A bundle as used for responses, with or without a delta. Its items have the indices 1..itemCount. */
export interface BundleView extends Omit<ItemCatalog, 'columns'> {
  /** Id of the bundle. */
  readonly id: string;
  /** Id of the delta; absent without one. */
  readonly deltaId?: string;
  readonly info: BundleInfo;
  readonly engine: InferenceEngine;
  readonly index: VectorIndex;
  /** The items of the bundle as of its build. */
  readonly catalog: ItemCatalog;
  /** Items that the delta adds or changes, by index. */
  readonly deltaItems: ReadonlyMap<number, CatalogItem>;
  /** Returns all items, most popular first. */
  itemsByPopularity(): Iterable<number>;
  popularityOf(item: number): number;
  /** Returns the day since the epoch when the item was created or first chosen; undefined without both. */
  firstSeenOn(item: number): number | undefined;
  /** Popular items by window and segment. */
  readonly popular: Popular;
  /** [N + 1, 2] positions of the bundle's own items on the map; see `BundleContents`. */
  readonly positions?: Float32Array | undefined;
  /** Returns the vector of an item in the index, [index dim]. Read only. */
  vectorOf(item: number): Float32Array;
  /** Returns a function that scores items for the interests of one user, like `createItemScorer` of @facet/model. */
  createItemScorer(interests: Interests): (item: number) => ItemScore;
  /** Returns the table row of each user feature for the inference engine; 0 for unknown values. */
  encodeProfile(attributes: Attributes | undefined): number[];
  /** Returns the row index of a user with learned vectors, for the inference engine; `unknownUser` for other users. */
  userRowOf(userId: string | undefined): number;
  /** Frees the resources of the view. A view with a delta frees those of the delta, but not those of the bundle. */
  close(): void;
}
