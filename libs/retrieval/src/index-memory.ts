import type { BuiltIndexKind } from './build-tuned-index.ts';

const bytesPerFloat = 4;
/** 64 links in the lowest layer of HNSW32; an item's share in the layers above, its place and its level. */
const graphBytesPerItem = 64 * 4 + 16;
/** The id of an item in its list. */
const clusterBytesPerItem = 8;

/**
 * Most memory while an index is built, by that of the index: arrays grow by doubling, and for a moment there are an old
 * and a new one. Measured at 1,000,000 x 64 (docs/benchmarks.md).
 */
const buildGrowth = { flat: 1.3, hnsw: 1.15, ivf: 2.1 } as const;

/** Bytes of an index over `items` vectors of `dim` values: of its file and in memory, and at most while it is built. */
export function indexMemory(kind: BuiltIndexKind, items: number, dim: number): { bytes: number; buildBytes: number } {
  const perItem = {
    flat: dim * bytesPerFloat,
    hnsw: (dim + 1) * bytesPerFloat + graphBytesPerItem,
    ivf: (dim + 1) * bytesPerFloat + clusterBytesPerItem,
  }[kind];
  return { bytes: items * perItem, buildBytes: Math.round(items * perItem * buildGrowth[kind]) };
}
