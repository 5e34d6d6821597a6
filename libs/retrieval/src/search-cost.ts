import type { SearchParameters, VectorIndex } from './indexes/vector-index.ts';

/**
 * What a query costs, in nanoseconds with 64 values an item: docs/adr/0017-filters-are-answered-exactly.md says where
 * they come from. Only their ratio decides, so another machine or width changes little.
 */
/** The exact score of an item, where all of them are read in the order in which they lie, and where some are. */
const scanItemNs = { ofAll: 5, ofSome: 20 };
/** An HNSW graph of a million items, by each candidate that is kept (efSearch). */
const graphCandidateNs = 1_000;

/** Without efSearch a graph is searched as with this; see faiss.ts. */
const efSearchDefault = 64;

/** The exact scores of so many items of an index. */
export function scanCost({ size }: VectorIndex, items: number): number {
  return items * (items === size ? scanItemNs.ofAll : scanItemNs.ofSome);
}

/** A search of one query for its `depth` nearest items. */
export function searchCost({ kind, size }: VectorIndex, depth: number, parameters: SearchParameters): number {
  switch (kind) {
    case 'exact':
    case 'flat':
      return size * scanItemNs.ofAll;
    case 'hnsw':
      return Math.max(depth, parameters.efSearch ?? efSearchDefault) * graphCandidateNs;
    case 'ivf': {
      // The centers of all clusters, and the items of those that are searched.
      const lists = 4 * Math.sqrt(size);
      return (lists + (Math.min(lists, parameters.nprobe ?? 1) / lists) * size) * scanItemNs.ofAll;
    }
  }
}
