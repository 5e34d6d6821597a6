import { AppError } from '@facet/platform';
import type { SearchParameters, SearchResult, VectorIndex } from '../indexes/vector-index.ts';

/** Queries searched in one call: enough to batch, few enough to keep the event loop turning. */
const queriesPerCall = 64;

/**
 * Index recall@k: the mean share of the exact k nearest items that the index finds too. Not to be confused with the
 * ranking recall of a model.
 *
 * @param queries `[Q, D]`, at least one: take interests of real users, as the recall of made-up ones says nothing about
 *   them.
 * @throws AppError `RETRIEVAL_INDEXES_DIFFER` if the indexes do not hold equally many vectors of one width.
 */
export async function measureIndexRecall(
  index: VectorIndex,
  exact: VectorIndex,
  queries: Float32Array,
  k: number,
  parameters: SearchParameters = {},
): Promise<number> {
  if (index.size !== exact.size || index.dim !== exact.dim) {
    throw new AppError(
      `An index of ${index.size} x ${index.dim} is measured against one of ${exact.size} x ${exact.dim}.`,
      {
        code: 'RETRIEVAL_INDEXES_DIFFER',
        category: 'internal',
        remedy: 'Build both from the same vectors.',
      },
    );
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

/** The mean share of the `expected` items that are among the `actual` ones, of answers to the same queries. */
export function answeredRecall(expected: SearchResult, actual: SearchResult): number {
  return countFound(expected, actual) / expected.ids.length;
}

/** An item that scores as high as the exact k-th also counts, so that duplicates of a vector cost nothing. */
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
