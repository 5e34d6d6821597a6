import { dot } from '@facet/platform';
import { checkQueries, checkVectors, closedIndex, emptyResult, toRows } from './checks.ts';
import { hasBit } from './item-set.ts';
import type { SearchResult, VectorIndex } from './vector-index.ts';

/**
 * Creates the reference index, which scores every item in plain TypeScript. Equal scores are ordered by item index. It
 * serves tests, recall measurements, and small catalogs without native code.
 *
 * @param vectors `[N, D]` row by row; not copied.
 * @throws AppError `RETRIEVAL_VECTORS_INVALID` for rows of another width or values that are not finite.
 */
export function buildExactIndex(vectors: Float32Array, dim: number): VectorIndex {
  const size = checkVectors(vectors, dim);
  let stored: Float32Array | undefined = vectors;

  /** Searches the given rows in ascending order; all rows by default. */
  function best(queries: Float32Array, queryCount: number, k: number, rows?: Int32Array): SearchResult {
    const result = emptyResult(queryCount, k);
    for (let query = 0; query < queryCount; query++) {
      const scores = innerProducts(stored!, queries.subarray(query * dim, (query + 1) * dim), rows ?? size);
      keepHighest(scores, rows, query, result);
    }
    return result;
  }

  return {
    kind: 'exact',
    size,
    dim,
    async search(queries, k, parameters = {}) {
      if (stored === undefined) throw closedIndex();
      const queryCount = checkQueries(queries, dim, k, parameters);
      const { allowed } = parameters;
      return best(queries, queryCount, k, allowed && allowedRows(allowed, size));
    },
    async scan(queries, k, items) {
      if (stored === undefined) throw closedIndex();
      const queryCount = checkQueries(queries, dim, k);
      return best(queries, queryCount, k, toRows(items, size).sort());
    },
    close() {
      stored = undefined;
    },
  };
}

function allowedRows(allowed: Uint8Array, size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, row) => row).filter((row) => hasBit(allowed, row + 1));
}

/** Returns the inner products `[R]` of the given rows, or of the first `rows` rows. */
function innerProducts(vectors: Float32Array, query: Float32Array, rows: Int32Array | number): Float32Array {
  const dim = query.length;
  const count = typeof rows === 'number' ? rows : rows.length;
  const scores = new Float32Array(count);
  for (let position = 0; position < count; position++) {
    const offset = (typeof rows === 'number' ? position : rows[position]!) * dim;
    scores[position] = dot(vectors, offset, query, 0, dim);
  }
  return scores;
}

/** Writes the k highest scores and their items (row + 1) to the result of a query. */
function keepHighest(scores: Float32Array, rows: Int32Array | undefined, query: number, result: SearchResult): void {
  const { k } = result;
  const found = Math.min(k, scores.length);
  if (found === 0) return;
  const lowestKept = scores.slice().sort()[scores.length - found]!;
  const positions: number[] = [];
  for (let position = 0; position < scores.length; position++) {
    if (scores[position]! >= lowestKept) positions.push(position);
  }
  positions.sort((a, b) => scores[b]! - scores[a]! || a - b);
  for (let rank = 0; rank < found; rank++) {
    const position = positions[rank]!;
    result.ids[query * k + rank] = (rows?.[position] ?? position) + 1;
    result.scores[query * k + rank] = scores[position]!;
  }
}
