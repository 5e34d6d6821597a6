import { AppError } from '@facet/platform';
import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';

/** Queries per call: a useful batch that does not block the event loop for long. */
const queriesPerCall = 64;

/**
 * Measures index recall@k: the mean share of the exact k nearest items that the index finds. Unrelated to the ranking
 * recall of a model.
 *
 * @param queries `[Q, D]`, at least one. Use interests of real users; the recall of random queries does not predict
 *   theirs.
 * @throws AppError `RETRIEVAL_INDEXES_DIFFER` if the indexes differ in size or width.
 */
export async function measureIndexRecall(
  index: VectorIndex,
  exact: VectorIndex,
  queries: Float32Array,
  k: number,
  parameters: SearchParameters = {},
): Promise<number> {
  if (index.size !== exact.size || index.dim !== exact.dim) {
    throw new AppError(`The indexes differ: ${index.size} x ${index.dim} and ${exact.size} x ${exact.dim}.`, {
      code: 'RETRIEVAL_INDEXES_DIFFER',
      category: 'internal',
      remedy: 'Build both indexes from the same vectors.',
    });
  }
  const depth = Math.min(k, index.size);
  const queryCount = queries.length / index.dim;
  let found = 0;
  for (let first = 0; first < queryCount; first += queriesPerCall) {
    const batch = queries.subarray(first * index.dim, (first + queriesPerCall) * index.dim);
    found += countFound(await exact.search(batch, depth), await index.search(batch, depth, parameters));
  }
  return found / (queryCount * depth);
}

/** Returns the mean share of the `expected` items that `actual` contains, for results of the same queries. */
export function resultRecall(expected: SearchResult, actual: SearchResult): number {
  return countFound(expected, actual) / expected.ids.length;
}

/** An item that ties with the exact k-th also counts, so that duplicate vectors do not lower the recall. */
function countFound(expected: SearchResult, actual: SearchResult): number {
  const { k } = expected;
  let found = 0;
  for (let start = 0; start < expected.ids.length; start += k) {
    const nearest = new Set(expected.ids.subarray(start, start + k));
    const lowestScore = expected.scores[start + k - 1]!;
    for (let position = start; position < start + k; position++) {
      if (nearest.has(actual.ids[position]!) || actual.scores[position]! >= lowestScore) found++;
    }
  }
  return found;
}
