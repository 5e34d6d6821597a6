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
    found += countFound(await exact.search(batch, depth), await index.search(batch, depth, parameters)).hits;
  }
  return found / (queryCount * depth);
}

/** Returns the mean share of the `exact` items that `found` contains, for results of the same queries. */
export function resultRecall(exact: SearchResult, found: SearchResult): number {
  const { hits, wanted } = countFound(exact, found);
  return hits / wanted;
}

/** Counts the exact nearest items that a search found. Items with the score of the last exact item are interchangeable. */
export function countFound(
  exact: SearchResult,
  found: SearchResult,
): { readonly hits: number; readonly wanted: number } {
  const { k } = exact;
  let hits = 0;
  let wanted = 0;
  for (let start = 0; start < exact.ids.length; start += k) {
    const nearest = new Set(exact.ids.subarray(start, start + k).filter((item) => item > 0));
    const lowest = exact.scores[start + nearest.size - 1] ?? Infinity;
    wanted += nearest.size;
    for (let index = start; index < start + nearest.size; index++) {
      if (nearest.has(found.ids[index]!) || found.scores[index]! >= lowest) hits++;
    }
  }
  return { hits, wanted };
}
