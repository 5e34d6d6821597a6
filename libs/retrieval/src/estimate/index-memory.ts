import type { BuiltIndexKind } from '../tuning/build-tuned-index.ts';

const bytesPerFloat = 4;
/** HNSW32: 64 links in the lowest layer, the item's share of upper layers, and its level, label and offsets. */
const graphBytesPerItem = 64 * 4 + (32 * 4) / 31 + 13;
/** A graph pads vectors to a multiple of this width, and adds a code of one byte per value. */
const graphWidthMultiple = 16;
/** Id of an item in its list. */
const clusterBytesPerItem = 8;

/**
 * Ratio of peak build memory to index size, because arrays grow by doubling and both copies exist for a moment.
 * Measured at 1,000,000 x 64 (docs/benchmarks.md).
 */
const buildGrowth = { flat: 1.3, hnsw: 1.45, ivf: 2.1 } as const;

/** Returns the size of an index of `items` vectors of `dim` values, and the peak memory of its build, in bytes. */
export function indexMemory(kind: BuiltIndexKind, items: number, dim: number): { bytes: number; buildBytes: number } {
  const perItem = {
    flat: dim * bytesPerFloat,
    hnsw: Math.ceil(dim / graphWidthMultiple) * graphWidthMultiple * (bytesPerFloat + 1) + graphBytesPerItem,
    ivf: (dim + 1) * bytesPerFloat + clusterBytesPerItem,
  }[kind];
  return { bytes: Math.round(items * perItem), buildBytes: Math.round(items * perItem * buildGrowth[kind]) };
}
