import type { SearchParameters, VectorIndex } from './indexes/vector-index.ts';

/**
 * Cost estimates of a query in nanoseconds, for vectors of 64 values; docs/adr/0017-filters-are-exact.md has
 * the measurements. Only ratios matter, so they hold for other machines and widths.
 */
/** Exact score of one item, in a sequential scan and with random access. */
const scanItemNs = { ofAll: 5, ofSome: 20 };
/** Each candidate kept (efSearch) in an HNSW graph of a million items. */
const graphCandidateNs = 1_000;

/** The default of Faiss, 16, finds half of the nearest 200 of clustered vectors. */
export const efSearchDefault = 64;

/** Returns the cost of scoring this many items. */
export function scanCost({ size }: VectorIndex, items: number): number {
  return items * (items === size ? scanItemNs.ofAll : scanItemNs.ofSome);
}

/** Returns the cost of searching the `depth` nearest items of one query. */
export function searchCost({ kind, size }: VectorIndex, depth: number, parameters: SearchParameters): number {
  switch (kind) {
    case 'exact':
    case 'flat':
      return size * scanItemNs.ofAll;
    case 'hnsw':
      return Math.max(depth, parameters.efSearch ?? efSearchDefault) * graphCandidateNs;
    case 'ivf': {
      // All centers, and the items of the searched clusters.
      const lists = 4 * Math.sqrt(size);
      return (lists + (Math.min(lists, parameters.nprobe ?? 1) / lists) * size) * scanItemNs.ofAll;
    }
  }
}
