import { AppError } from '@facet/platform';
import type { SearchParameters, SearchResult } from './vector-index.ts';

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
export function toRows(items: Int32Array, size: number): Int32Array {
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
