import { AppError } from '@facet/platform';
import type { SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';

/**
 * Checks vectors and returns N, the number of rows.
 *
 * @throws AppError `RETRIEVAL_VECTORS_INVALID`.
 */
export function checkVectors(vectors: Float32Array, dim: number): number {
  if (!isPositiveInteger(dim) || vectors.length % dim !== 0) {
    throw new AppError(`${vectors.length} values do not divide into rows of ${dim}.`, {
      code: 'RETRIEVAL_VECTORS_INVALID',
      category: 'internal',
      remedy: 'Pass one row per item, as wide as the embedding, without the padding row.',
    });
  }
  const position = vectors.findIndex((value) => !Number.isFinite(value));
  if (position >= 0) {
    const item = Math.floor(position / dim) + 1;
    throw new AppError(`The vector of item index ${item} contains ${vectors[position]}.`, {
      code: 'RETRIEVAL_VECTORS_INVALID',
      category: 'internal',
      remedy: 'Look for a diverged model. Every embedding must be finite.',
      context: { item },
    });
  }
  return vectors.length / dim;
}

/**
 * Checks queries and returns Q, the number of queries.
 *
 * @throws AppError `RETRIEVAL_QUERY_INVALID`.
 */
export function checkQueries(queries: Float32Array, dim: number, k: number, parameters: SearchParameters = {}): number {
  const { allowed, ...numbers } = parameters;
  if (allowed !== undefined && !(allowed instanceof Uint8Array)) throw invalidQuery('allowed is not a bitmap');
  for (const [name, value] of Object.entries({ k, ...numbers })) {
    if (value !== undefined && !isPositiveInteger(value)) {
      throw invalidQuery(`${name} is ${value}, not a positive integer`);
    }
  }
  if (queries.length % dim !== 0) throw invalidQuery(`${queries.length} values do not divide into queries of ${dim}`);
  const position = queries.findIndex((value) => !Number.isFinite(value));
  if (position >= 0) throw invalidQuery(`query ${Math.floor(position / dim)} contains ${queries[position]}`);
  return queries.length / dim;
}

/**
 * Returns the rows (item - 1) of items.
 *
 * @throws AppError `RETRIEVAL_QUERY_INVALID`.
 */
function toRows(items: Int32Array, size: number): Int32Array {
  const rows = new Int32Array(items.length);
  for (let position = 0; position < items.length; position++) {
    const item = items[position]!;
    if (item < 1 || item > size) throw invalidQuery(`item ${item} is not one of 1 to ${size}`);
    rows[position] = item - 1;
  }
  return rows;
}

export function invalidQuery(problem: string): AppError {
  return new AppError(`The index cannot be searched: ${problem}.`, {
    code: 'RETRIEVAL_QUERY_INVALID',
    category: 'internal',
    remedy: 'Check the model that computed the interests, and the requested numbers.',
  });
}

export function closedIndex(): AppError {
  return new AppError('The index has been closed.', {
    code: 'RETRIEVAL_INDEX_CLOSED',
    category: 'internal',
    remedy: 'Search the index that replaced it.',
    retryable: true,
  });
}

/** Returns a result `[Q, k]` without items. */
export function emptyResult(queryCount: number, k: number): SearchResult {
  return {
    k,
    ids: new Int32Array(queryCount * k).fill(-1),
    scores: new Float32Array(queryCount * k).fill(-Infinity),
  };
}

function isPositiveInteger(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

/** `[Q, depth]` best rows (item - 1) and their inner products, which Faiss calls labels and distances. */
export interface FoundRows {
  readonly labels: Int32Array;
  readonly distances: Float32Array;
}

/** Searches the rows of an index. Its arguments have been checked: `depth` is at most the number of rows. */
interface RowSearcher {
  search(queries: Float32Array, depth: number, parameters: SearchParameters): Promise<FoundRows>;
  scan(queries: Float32Array, depth: number, rows: Int32Array): Promise<FoundRows>;
  dispose(): void;
}

/** Returns an index that checks its arguments and refuses searches after `close`. */
export function checkedIndex(kind: VectorIndex['kind'], size: number, dim: number, searcher: RowSearcher): VectorIndex {
  let isClosed = false;
  return {
    kind,
    size,
    dim,
    async search(queries, k, parameters = {}) {
      if (isClosed) throw closedIndex();
      const queryCount = checkQueries(queries, dim, k, parameters);
      if (queryCount === 0 || size === 0) return emptyResult(queryCount, k);
      return toResult(await searcher.search(queries, Math.min(k, size), parameters), queryCount, k);
    },
    async scan(queries, k, items) {
      if (isClosed) throw closedIndex();
      const queryCount = checkQueries(queries, dim, k);
      const rows = toRows(items, size);
      if (queryCount === 0 || rows.length === 0) return emptyResult(queryCount, k);
      return toResult(await searcher.scan(queries, Math.min(k, rows.length), rows), queryCount, k);
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      searcher.dispose();
    },
  };
}

/** Converts labels `[Q, depth]`, where -1 marks none, to a result `[Q, k]`. */
function toResult({ labels, distances: products }: FoundRows, queryCount: number, k: number): SearchResult {
  const result = emptyResult(queryCount, k);
  const depth = labels.length / queryCount;
  for (let query = 0; query < queryCount; query++) {
    for (let rank = 0; rank < depth; rank++) {
      const label = labels[query * depth + rank]!;
      if (label < 0) break;
      result.ids[query * k + rank] = label + 1;
      result.scores[query * k + rank] = products[query * depth + rank]!;
    }
  }
  return result;
}
