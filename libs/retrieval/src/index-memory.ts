import type { BuiltIndexKind } from './build-tuned-index.ts';

const bytesPerFloat = 4;
/** Of HNSW32: 64 links in the lowest layer, an item's share in those above, and its level, label and places. */
const graphBytesPerItem = 64 * 4 + (32 * 4) / 31 + 13;
/** A graph holds its vectors padded to so many values, and a code of one byte for each. */
const graphWidthMultiple = 16;
/** The id of an item in its list. */
const clusterBytesPerItem = 8;

/**
 * Most memory while an index is built, by that of the index: arrays grow by doubling, and for a moment there are an old
 * and a new one. Measured at 1,000,000 x 64 (docs/benchmarks.md).
 */
const buildGrowth = { flat: 1.3, hnsw: 1.45, ivf: 2.1 } as const;

/** Bytes of an index over `items` vectors of `dim` values: of its file and in memory, and at most while it is built. */
export function indexMemory(kind: BuiltIndexKind, items: number, dim: number): { bytes: number; buildBytes: number } {
  const perItem = {
    flat: dim * bytesPerFloat,
    hnsw: Math.ceil(dim / graphWidthMultiple) * graphWidthMultiple * (bytesPerFloat + 1) + graphBytesPerItem,
    ivf: (dim + 1) * bytesPerFloat + clusterBytesPerItem,
  }[kind];
  return { bytes: Math.round(items * perItem), buildBytes: Math.round(items * perItem * buildGrowth[kind]) };
}
