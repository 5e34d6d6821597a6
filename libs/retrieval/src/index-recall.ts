import { AppError } from '@facet/platform';
import type { SearchParameters, VectorIndex } from './vector-index.ts';

/** Queries searched in one call: enough to batch, few enough to keep the event loop turning. */
const queriesPerCall = 64;

/**
 * Index recall@k: the mean share of the exact k nearest items that the index finds too. Not to be confused with the
 * ranking recall of a model.
 *
 * An item that scores as high as the exact k-th also counts, so that duplicates of a vector cost nothing.
 *
 * @param queries `[Q, D]`: take interests of real users, as the recall of made-up ones says nothing about them.
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
        remedy: 'Build both from the same vectors.',
      },
    );
  }
  const depth = Math.min(k, index.size);
  const queryCount = queries.length / index.dim;
  if (depth === 0 || queryCount === 0) return 1;
  let found = 0;
  for (let first = 0; first < queryCount; first += queriesPerCall) {
    const batch = queries.subarray(first * index.dim, (first + queriesPerCall) * index.dim);
    const expected = await exact.search(batch, depth);
    const actual = await index.search(batch, depth, parameters);
    for (let start = 0; start < expected.ids.length; start += depth) {
      const nearest = new Set(expected.ids.subarray(start, start + depth));
      const lowestScore = expected.scores[start + depth - 1]!;
      for (let position = start; position < start + depth; position++) {
        if (nearest.has(actual.ids[position]!) || actual.scores[position]! >= lowestScore) found++;
      }
    }
  }
  return found / (queryCount * depth);
}
