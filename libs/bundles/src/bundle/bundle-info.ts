import type { Attributes } from '@facet/features';
import { ModelSpec } from '@facet/model';
import type { Interests, InferenceEngine, ItemScore } from '@facet/model';
import { IndexChoice } from '@facet/retrieval';
import type { VectorIndex } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import type { Popular } from '../popularity/popular-lists.ts';

/** Increased when the files of a bundle change. Bundles of other formats are refused. */
export const bundleFormat = 6;

/** Content of `bundle.json`: all small data needed to use the bundle and trace its origin. */
export const BundleInfo = Type.Object({
  formatVersion: Type.Literal(bundleFormat),
  modelId: Type.String(),
  datasetId: Type.String(),
  spec: ModelSpec,
  /** Items 1..trainedCount were trained; the others are embedded by their side features. */
  trainedCount: Type.Integer({ minimum: 0 }),
  /** How events become behavior sequences. Serving must use the same rules. */
  interactions: Type.Object({
    positives: Type.String(),
    repeats: Type.Union([Type.Literal('keep'), Type.Literal('first')]),
    tieSeed: Type.Integer(),
  }),
  /** End of the data in epoch milliseconds. Ages of behaviors are relative to it, or to a newer behavior. */
  asOf: Type.Integer(),
  index: Type.Object({ ...IndexChoice.properties, dim: Type.Integer({ minimum: 1 }) }),
  /** Metrics of the model on held-out data. */
  metrics: Type.Record(Type.String(), Type.Number()),
});
export type BundleInfo = Static<typeof BundleInfo>;

/** Returns how `createItemScorer` of @facet/model scores the items of a bundle and of its deltas. */
export function scoringOf({ index, spec }: BundleInfo): {
  readonly dim: number;
  readonly sharpness: number | undefined;
} {
  return { dim: index.dim, sharpness: spec.config.scoreSharpness };
}

/** File names in the folder of a bundle. */
export const bundleFiles = {
  info: 'bundle.json',
  catalog: 'catalog.safetensors',
  tower: 'user-tower.safetensors',
  embeddings: 'items.safetensors',
  itemTables: 'item-tables.safetensors',
  index: 'index.faiss',
  golden: 'golden.json',
  popular: 'popular.safetensors',
  /** Optional: absent from a bundle without a map. */
  map: 'map.safetensors',
  /** Present only if the model has learned user vectors. */
  userIds: 'user-ids.json',
} as const;

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
  encodeUserFeatures(attributes: Attributes | undefined): number[];
  /** Returns the row index of a user with learned vectors, for the inference engine; `unknownUser` for other users. */
  userRowOf(userId: string | undefined): number;
  /** Frees the resources of the view. A view with a delta frees those of the delta, but not those of the bundle. */
  close(): void;
}
