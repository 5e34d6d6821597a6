/**
 * Vector indexes hold item embeddings, one row per item: row r (from 0) is the item of index r + 1. The padding row of
 * an embedding table `[N+1, D]` never goes in (pass `table.subarray(dim)`), so a search can never return padding.
 */
type IndexKind = 'exact' | 'flat' | 'hnsw' | 'ivf';

/** How to run one search. A parameter that the index's kind does not know is ignored. */
export interface SearchParameters {
  /** HNSW: candidates kept while walking the graph, 64 by default and at least k in effect. More finds more and takes longer. */
  readonly efSearch?: number;
  /** IVF: lists scanned. More finds more and takes longer. */
  readonly nprobe?: number;
  /**
   * Bitmap of the items that may be found: of item 1..N, bit `(item - 1) & 7` of byte `(item - 1) >> 3`, so bit 0 of byte 0
   * is item 1. Items beyond its end may not be found. A graph or clusters may find fewer of them than there are: where few
   * items are allowed, `scan` them.
   */
  readonly allowed?: Uint8Array;
}

/** The nearest items of Q queries; entries q * k .. q * k + k - 1 answer query q, best first. */
export interface SearchResult {
  readonly k: number;
  /** `[Q, k]` item indices (1..N); -1 where fewer than k were found. */
  readonly ids: Int32Array;
  /** `[Q, k]` inner products; `-Infinity` where the id is -1. */
  readonly scores: Float32Array;
}

/** The reading side of an index of maximum inner product. */
export interface VectorIndex {
  readonly kind: IndexKind;
  /** N, the number of items. */
  readonly size: number;
  readonly dim: number;
  /**
   * The k items with the highest inner product for each query. Send the interests of a user as one batch. The queries
   * may be reused as soon as the call has returned its promise.
   *
   * @param queries `[Q, D]` row by row.
   * @throws AppError `RETRIEVAL_QUERY_INVALID` for queries of another width or with values that are not finite, or a k
   *   or a parameter that is not a positive integer; `RETRIEVAL_INDEX_CLOSED` after `close`.
   */
  search(queries: Float32Array, k: number, parameters?: SearchParameters): Promise<SearchResult>;
  /**
   * The k items with the highest inner product for each query, of the given ones alone: exact for every kind. Equal
   * scores are ordered by item index. The queries and the items may be reused as soon as the call has returned.
   *
   * @param queries `[Q, D]` row by row.
   * @param items item indices 1..N in any order, each once.
   * @throws AppError `RETRIEVAL_QUERY_INVALID` also for an item that is not one of the index; else as `search`.
   */
  scan(queries: Float32Array, k: number, items: Int32Array): Promise<SearchResult>;
  /** Frees the memory. Searches under way still finish. Closing twice is harmless. */
  close(): void;
}

/** A freshly built index: it can be searched at once, and stored for `openFaissIndex`. */
export interface BuiltVectorIndex extends VectorIndex {
  /**
   * Writes the index to a new file. Nothing is synced or renamed: that is the artifact store's part.
   *
   * @throws AppError `RETRIEVAL_INDEX_UNWRITABLE`.
   */
  save(path: string): Promise<void>;
}
