import { ModelSpec } from '@facet/model';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Latencies are those of four interests a request, one thread, on the machine that built the index. */
const IndexMeasurement = Type.Object({
  /** Interests that the breadth was chosen with, and others that the recall was measured with. */
  queries: Type.Object({ tuning: Type.Integer(), heldOut: Type.Integer() }),
  /** An exact scan of the same items. */
  exact: Type.Object({ p50Ms: Type.Number(), p99Ms: Type.Number() }),
  /** By breadth: efSearch or nprobe. The recall is that of the queries that the breadth was chosen with. */
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

/** Raised when the files of a bundle become others; a bundle of another format is refused. */
export const bundleFormat = 3;

/** What `bundle.json` says: everything small that is needed to use the bundle and to trace where it came from. */
export const BundleInfo = Type.Object({
  formatVersion: Type.Literal(bundleFormat),
  modelId: Type.String(),
  datasetId: Type.String(),
  spec: ModelSpec,
  /** Items 1..trainedCount were trained; the rest live by their side features. */
  trainedCount: Type.Integer({ minimum: 0 }),
  /** How events became behaviors; whoever serves must read the same ones. */
  interactions: Type.Object({
    positives: Type.String(),
    repeats: Type.Union([Type.Literal('keep'), Type.Literal('first')]),
    tieSeed: Type.Integer(),
  }),
  /** Epoch milliseconds: the end of the data. Ages of behaviors are measured from here, or from a newer behavior. */
  asOf: Type.Integer(),
  index: Type.Object({
    kind: Type.String(),
    /** Why this kind was chosen. */
    reason: Type.String(),
    dim: Type.Integer({ minimum: 1 }),
    efSearch: Type.Optional(Type.Integer({ minimum: 1 })),
    nprobe: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Index recall against exact search, measured when the index was built; null where there was nothing to measure it with. */
    recall: Type.Union([Type.Number(), Type.Null()]),
    recallAt: Type.Integer(),
    /** What the choice of kind and breadth rests on; absent where nothing had to be measured. */
    measured: Type.Optional(IndexMeasurement),
  }),
  /** Held-out metrics of the model, as the evaluation reported them. */
  metrics: Type.Record(Type.String(), Type.Number()),
});
export type BundleInfo = Static<typeof BundleInfo>;

/** The files of a bundle's folder. */
export const bundleFiles = {
  info: 'bundle.json',
  catalog: 'catalog.safetensors',
  tower: 'user-tower.safetensors',
  embeddings: 'items.safetensors',
  itemTables: 'item-tables.safetensors',
  index: 'index.faiss',
  golden: 'golden.json',
  popular: 'popular.safetensors',
  /** Only where users have vectors of their own. */
  userIds: 'user-ids.json',
} as const;
