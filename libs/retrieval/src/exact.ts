import { checkQueries, checkVectors, closedIndex, emptyResult } from './checks.ts';
import type { SearchResult, VectorIndex } from './vector-index.ts';

/**
 * The reference: scores every item, in plain TypeScript. Equal scores are ordered by item index. For tests, for
 * measuring the recall of other kinds, and for small catalogues where no native part is wanted.
 *
 * @param vectors `[N, D]` row by row; kept, not copied.
 * @throws AppError `RETRIEVAL_VECTORS_INVALID` for rows of another width or values that are not finite.
 */
export function buildExactIndex(vectors: Float32Array, dim: number): VectorIndex {
  const size = checkVectors(vectors, dim);
  let stored: Float32Array | undefined = vectors;
  return {
    kind: 'exact',
    size,
    dim,
    async search(queries, k, parameters = {}) {
      if (stored === undefined) throw closedIndex();
      const queryCount = checkQueries(queries, dim, k, parameters);
      const result = emptyResult(queryCount, k);
      for (let query = 0; query < queryCount; query++) {
        const scores = innerProducts(stored, queries.subarray(query * dim, (query + 1) * dim), size);
        keepHighest(scores, query, result);
      }
      return result;
    },
    close() {
      stored = undefined;
    },
  };
}

/** `[N]`, computed in double precision and rounded once. */
function innerProducts(vectors: Float32Array, query: Float32Array, size: number): Float32Array {
  const dim = query.length;
  const scores = new Float32Array(size);
  for (let row = 0, offset = 0; row < size; row++, offset += dim) {
    let score = 0;
    for (let d = 0; d < dim; d++) score += vectors[offset + d]! * query[d]!;
    scores[row] = score;
  }
  return scores;
}

/** Writes the k highest scores, and the items (row + 1) that have them, into the query's place of the result. */
function keepHighest(scores: Float32Array, query: number, { k, ids, scores: kept }: SearchResult): void {
  const found = Math.min(k, scores.length);
  if (found === 0) return;
  const lowestKept = scores.slice().sort()[scores.length - found]!;
  const rows: number[] = [];
  for (let row = 0; row < scores.length; row++) if (scores[row]! >= lowestKept) rows.push(row);
  rows.sort((a, b) => scores[b]! - scores[a]! || a - b);
  for (let rank = 0; rank < found; rank++) {
    ids[query * k + rank] = rows[rank]! + 1;
    kept[query * k + rank] = scores[rows[rank]!]!;
  }
}
