import { closedIndex, invalidQuery } from './checks.ts';
import type { SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';

/**
 * Combines two indexes of one width: items of `main` keep their indices 1..N, items of `added` become N + 1..N + M. For
 * equal scores, `main` comes first. Closing the combined index closes both.
 */
export function joinIndexes(main: VectorIndex, added: VectorIndex): VectorIndex {
  let isClosed = false;
  const size = main.size + added.size;
  return {
    kind: main.kind,
    size,
    dim: main.dim,
    async search(queries, k, parameters = {}) {
      if (isClosed) throw closedIndex();
      // Both calls start before the first await, because the caller may then reuse the queries.
      const [first, second] = await Promise.all([
        main.search(queries, k, parameters),
        added.search(queries, k, ofAdded(parameters, main.size, added.size)),
      ]);
      return mergeResults(first, second, main.size);
    },
    async scan(queries, k, items) {
      if (isClosed) throw closedIndex();
      const wrong = items.find((item) => item < 1 || item > size);
      if (wrong !== undefined) throw invalidQuery(`item ${wrong} is not one of 1 to ${size}`);
      const [first, second] = await Promise.all([
        main.scan(
          queries,
          k,
          items.filter((item) => item <= main.size),
        ),
        added.scan(
          queries,
          k,
          items.filter((item) => item > main.size).map((item) => item - main.size),
        ),
      ]);
      return mergeResults(first, second, main.size);
    },
    close() {
      isClosed = true;
      main.close();
      added.close();
    },
  };
}

/** Returns the parameters for the second index: its part of the bitmap, which may start at any bit. */
function ofAdded(parameters: SearchParameters, firstSize: number, size: number): SearchParameters {
  const { allowed } = parameters;
  if (allowed === undefined) return parameters;
  const shifted = new Uint8Array(Math.ceil(size / 8));
  const bits = firstSize & 7;
  for (let byte = 0, from = firstSize >> 3; byte < shifted.length; byte++, from++) {
    shifted[byte] = ((allowed[from] ?? 0) >> bits) | ((allowed[from + 1] ?? 0) << (8 - bits));
  }
  return { ...parameters, allowed: shifted };
}

/** Merges the k best of both results for each query. */
function mergeResults(first: SearchResult, second: SearchResult, firstSize: number): SearchResult {
  const { k } = first;
  const ids = new Int32Array(first.ids.length);
  const scores = new Float32Array(first.scores.length);
  for (let start = 0; start < ids.length; start += k) {
    let a = start;
    let b = start;
    for (let rank = start; rank < start + k; rank++) {
      // Missing entries score -Infinity, so they come last.
      if (second.scores[b]! > first.scores[a]!) {
        ids[rank] = second.ids[b]! + firstSize;
        scores[rank] = second.scores[b++]!;
      } else {
        ids[rank] = first.ids[a]!;
        scores[rank] = first.scores[a++]!;
      }
    }
  }
  return { k, ids, scores };
}
