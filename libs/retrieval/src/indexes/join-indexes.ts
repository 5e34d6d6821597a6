import { closedIndex, invalidQuery } from './checks.ts';
import { createBitmap, hasBit, setBit } from './item-set.ts';
import type { SearchParameters, SearchResult, VectorIndex } from './vector-index.ts';

/**
 * Combines two indexes of one width. Items of `main` keep their indices 1..N. The first R rows of `added` replace items of `main`; its
 * other rows become N + 1..N + M. Equal scores are ordered by index. Closing the combined index closes both.
 *
 * @param replaced [R] items of `main`, ascending. The new row of an item must score at least as high as its old row for every query.
 *   Then the results of `added` contain each replaced item that belongs to the k best.
 */
export function joinIndexes(main: VectorIndex, added: VectorIndex, replaced: readonly number[] = []): VectorIndex {
  let isClosed = false;
  const size = main.size + added.size - replaced.length;
  const rows = new Map(replaced.map((item, row) => [item, row + 1]));
  // Scans read it for each item of the index.
  const isReplaced = new Uint8Array(main.size + 1);
  for (const item of replaced) isReplaced[item] = 1;
  const merge = (first: SearchResult, second: SearchResult): SearchResult => {
    const ids = second.ids.map((row) => (row < 1 ? row : (replaced[row - 1] ?? main.size + row - replaced.length)));
    return mergeResults(first, { ...second, ids }, isReplaced);
  };
  return {
    kind: main.kind,
    size,
    dim: main.dim,
    async search(queries, k, parameters = {}) {
      if (isClosed) throw closedIndex();
      // Both calls start before the first await, because the caller may then reuse the queries.
      const [first, second] = await Promise.all([
        main.search(queries, k, parameters),
        added.search(queries, k, ofAdded(parameters, main.size, replaced, added.size)),
      ]);
      return merge(first, second);
    },
    async scan(queries, k, items) {
      if (isClosed) throw closedIndex();
      const wrong = items.find((item) => item < 1 || item > size);
      if (wrong !== undefined) throw invalidQuery(`item ${wrong} is not one of 1 to ${size}`);
      const isOfMain = (item: number): boolean => item <= main.size && isReplaced[item] === 0;
      const [first, second] = await Promise.all([
        main.scan(queries, k, items.filter(isOfMain)),
        added.scan(
          queries,
          k,
          items.filter((item) => !isOfMain(item)).map((item) => rows.get(item) ?? item - main.size + replaced.length),
        ),
      ]);
      return merge(first, second);
    },
    close() {
      isClosed = true;
      main.close();
      added.close();
    },
  };
}

/** Returns the parameters for the second index: its part of the bitmap, which may start at any bit. */
function ofAdded(
  parameters: SearchParameters,
  firstSize: number,
  replaced: readonly number[],
  size: number,
): SearchParameters {
  const { allowed } = parameters;
  if (allowed === undefined) return parameters;
  const shifted = createBitmap(size);
  // The first bits are those of the replaced items, which are set below.
  const start = firstSize - replaced.length;
  const bits = start & 7;
  for (let byte = 0, from = start >> 3; byte < shifted.length; byte++, from++) {
    shifted[byte] = ((allowed[from] ?? 0) >> bits) | ((allowed[from + 1] ?? 0) << (8 - bits));
  }
  replaced.forEach((item, row) => setBit(shifted, row + 1, hasBit(allowed, item)));
  return { ...parameters, allowed: shifted };
}

/** Merges the k best of both results for each query. The second result replaces some items of the first. */
function mergeResults(first: SearchResult, second: SearchResult, isReplaced: Uint8Array): SearchResult {
  const { k } = first;
  const ids = new Int32Array(first.ids.length);
  const scores = new Float32Array(first.scores.length);
  for (let start = 0; start < ids.length; start += k) {
    const end = start + k;
    let a = start;
    let b = start;
    for (let rank = start; rank < end; rank++) {
      while (a < end && isReplaced[first.ids[a]!] === 1) a++;
      // Missing entries score -Infinity, so they come last.
      const [item, score] = a < end ? [first.ids[a]!, first.scores[a]!] : [-1, -Infinity];
      const [other, otherScore] = [second.ids[b]!, second.scores[b]!];
      const isOther = otherScore > score || (otherScore === score && other < item);
      ids[rank] = isOther ? other : item;
      scores[rank] = isOther ? otherScore : score;
      if (isOther) b++;
      else a++;
    }
  }
  return { k, ids, scores };
}
