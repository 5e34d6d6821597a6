import { ModelSpec } from '@facet/model';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Latencies of requests with four interests, on one thread of the machine that built the index. */
const IndexMeasurement = Type.Object({
  /** Number of interests that selected the breadth, and of other interests that measured the recall. */
  queries: Type.Object({ tuning: Type.Integer(), heldOut: Type.Integer() }),
  /** Exact scan of the same items. */
  exact: Type.Object({ p50Ms: Type.Number(), p99Ms: Type.Number() }),
  /** By breadth (efSearch or nprobe). The recall is that of the tuning queries. */
  curve: Type.Array(
    Type.Object({
      breadth: Type.Integer(),
      recall: Type.Number(),
      p50Ms: Type.Number(),
      p99Ms: Type.Number(),
    }),
  ),
  buildSeconds: Type.Number(),
});

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
  index: Type.Object({
    kind: Type.String(),
    /** Why the index has this kind. */
    reason: Type.String(),
    dim: Type.Integer({ minimum: 1 }),
    efSearch: Type.Optional(Type.Integer({ minimum: 1 })),
    nprobe: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Index recall against exact search at build time; null without queries to measure it with. */
    recall: Type.Union([Type.Number(), Type.Null()]),
    recallAt: Type.Integer(),
    /** Measurements behind the choice of kind and breadth; absent if the choice needed none. */
    measured: Type.Optional(IndexMeasurement),
  }),
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
