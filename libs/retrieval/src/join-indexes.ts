import { closedIndex } from './checks.ts';
import type { SearchResult, VectorIndex } from './vector-index.ts';

/**
 * Two indexes of one width as one: the items of `main` keep their indices 1..N, those of `added` become N + 1..N + M.
 * Equal scores keep the order of the parts. Closing it closes both.
 */
export function joinIndexes(main: VectorIndex, added: VectorIndex): VectorIndex {
  let isClosed = false;
  return {
    kind: main.kind,
    size: main.size + added.size,
    dim: main.dim,
    async search(queries, k, parameters = {}) {
      if (isClosed) throw closedIndex();
      // Both start before either is waited for: the queries may be reused after that.
      const [first, second] = await Promise.all([
        main.search(queries, k, parameters),
        added.search(queries, k, parameters),
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

/** The k best of both, query by query. */
function mergeResults(first: SearchResult, second: SearchResult, firstSize: number): SearchResult {
  const { k } = first;
  const ids = new Int32Array(first.ids.length);
  const scores = new Float32Array(first.scores.length);
  for (let start = 0; start < ids.length; start += k) {
    let a = start;
    let b = start;
    for (let rank = start; rank < start + k; rank++) {
      // What is not found scores -Infinity, so it comes last.
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
