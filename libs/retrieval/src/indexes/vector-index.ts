/**
 * Kinds of vector indexes. An index contains one row per item: row r (from 0) is item r + 1. The padding row of an
 * embedding table `[N + 1, D]` is not part of it (pass `table.subarray(dim)`), so a search never returns padding.
 */
type IndexKind = 'flat' | 'hnsw' | 'ivf';

/** The default of Faiss, 16, finds half of the nearest 200 of clustered vectors. */
export const efSearchDefault = 64;

/** Parameters of one search. Kinds ignore parameters of other kinds. */
export interface SearchParameters {
  /**
   * HNSW: candidates kept during the search; {@link efSearchDefault} by default, and at least k. Larger values find more and take longer.
   */
  readonly efSearch?: number;
  /** IVF: clusters searched. Larger values find more and take longer. */
  readonly nprobe?: number;
  /**
   * Bitmap of allowed items: item i is bit `(i - 1) & 7` of byte `(i - 1) >> 3`, so bit 0 of byte 0 is item 1. Items
   * beyond its end are not allowed. Graphs and clusters may miss allowed items; `scan` when few are allowed.
   */
  readonly allowed?: Uint8Array;
}

/** The nearest items of Q queries. Entries q * k .. q * k + k - 1 belong to query q, best first. */
export interface SearchResult {
  readonly k: number;
  /** `[Q, k]` item indices (1..N); -1 if fewer than k were found. */
  readonly ids: Int32Array;
  /** `[Q, k]` inner products; `-Infinity` if the id is -1. */
  readonly scores: Float32Array;
}

/** Reads an index for maximum inner product search. */
export interface VectorIndex {
  readonly kind: IndexKind;
  /** N, the number of items. */
  readonly size: number;
  readonly dim: number;
  /**
   * Returns the k items with the highest inner product for each query. Pass the interests of a user as one batch. The
   * queries may be reused after the call returns its promise.
   *
   * @param queries `[Q, D]` row by row.
   * @throws AppError `RETRIEVAL_QUERY_INVALID` for queries of another width or with values that are not finite, and for
   *   a k or a parameter that is not a positive integer; `RETRIEVAL_INDEX_CLOSED` after `close`.
   */
  search(queries: Float32Array, k: number, parameters?: SearchParameters): Promise<SearchResult>;
  /**
   * Returns the k given items with the highest inner product for each query. Exact for every kind; equal scores are
   * ordered by item index. The arguments may be reused after the call returns its promise.
   *
   * @param queries `[Q, D]` row by row.
   * @param items Item indices 1..N in any order, each once.
   * @throws AppError `RETRIEVAL_QUERY_INVALID` also for an item that is not in the index; otherwise as `search`.
   */
  scan(queries: Float32Array, k: number, items: Int32Array): Promise<SearchResult>;
  /** Frees the memory. Running searches complete. Idempotent. */
  close(): void;
}

/** A built index, which can be searched immediately and saved for `openFaissIndex`. */
export interface BuiltVectorIndex extends VectorIndex {
  /**
   * Writes the index to a new file. Does not sync or rename the file: the artifact store does.
   *
   * @throws AppError `RETRIEVAL_INDEX_UNWRITABLE`.
   */
  save(path: string): Promise<void>;
}
