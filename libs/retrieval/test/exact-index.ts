import { dot } from '@facet/platform';
import { checkedIndex, checkVectors } from '../src/indexes/checks.ts';
import type { FoundRows } from '../src/indexes/checks.ts';
import { hasBit } from '../src/index.ts';
import type { VectorIndex } from '../src/index.ts';

/**
 * Creates the reference index, which scores every item in plain TypeScript. Equal scores are ordered by item index. Tests
 * compare the native indexes with it.
 *
 * @param vectors `[N, D]` row by row; not copied.
 * @throws AppError `RETRIEVAL_VECTORS_INVALID` for rows of another width or values that are not finite.
 */
export function buildExactIndex(vectors: Float32Array, dim: number): VectorIndex {
  const size = checkVectors(vectors, dim);
  let stored = vectors;

  /** Searches the given rows in ascending order; all rows by default. */
  async function search(queries: Float32Array, depth: number, rows?: Int32Array): Promise<FoundRows> {
    const count = (queries.length / dim) * depth;
    const found = { labels: new Int32Array(count).fill(-1), distances: new Float32Array(count) };
    for (let query = 0; query < queries.length / dim; query++) {
      const scores = innerProducts(stored, queries.subarray(query * dim, (query + 1) * dim), rows ?? size);
      keepHighest(scores, rows, { start: query * depth, depth }, found);
    }
    return found;
  }

  return checkedIndex('flat', size, dim, {
    search: (queries, depth, { allowed }) => search(queries, depth, allowed && allowedRows(allowed, size)),
    scan: (queries, depth, rows) => search(queries, depth, rows.sort()),
    dispose: () => void (stored = new Float32Array(0)),
  });
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

/** Writes the highest scores of a query and their rows to the places from `start` on. */
function keepHighest(
  scores: Float32Array,
  rows: Int32Array | undefined,
  { start, depth }: { readonly start: number; readonly depth: number },
  found: FoundRows,
): void {
  const kept = Math.min(depth, scores.length);
  if (kept === 0) return;
  const lowestKept = scores.slice().sort()[scores.length - kept]!;
  const positions = [...scores.keys()].filter((position) => scores[position]! >= lowestKept);
  positions.sort((a, b) => scores[b]! - scores[a]! || a - b);
  positions.slice(0, kept).forEach((position, rank) => {
    found.labels[start + rank] = rows?.[position] ?? position;
    found.distances[start + rank] = scores[position]!;
  });
}
