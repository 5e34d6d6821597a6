/** An item retrieved for a user. */
export interface Candidate {
  /** Item index, 1..N. */
  readonly item: number;
  /** The inner product with the interest, or the score over all interests. */
  readonly score: number;
  /** The interest that found it, or its nearest one. */
  readonly interest: number;
}

/** The nearest items of one interest: each item once, best first, equal scores by item index. */
export interface InterestList {
  readonly interest: number;
  /** Item indices, 1..N. */
  readonly items: Int32Array;
  /** One score per item. */
  readonly scores: Float32Array;
}

/**
 * Inserts candidates that did not come from the index into the lists of their interests, and adds missing lists.
 *
 * @param candidates Items that are not in the lists.
 */
export function insertCandidates(
  lists: readonly InterestList[],
  candidates: readonly Candidate[],
): readonly InterestList[] {
  if (candidates.length === 0) return lists;
  const all = new Map(lists.map((list) => [list.interest, list]));
  for (const interest of new Set(candidates.map((candidate) => candidate.interest))) {
    const { items, scores } = all.get(interest) ?? emptyList(interest);
    const entries = [
      ...Array.from(items, (item, rank) => ({ item, score: scores[rank]! })),
      // Rounded like the scores of the list, so that equal scores are ordered by item.
      ...candidates
        .filter((candidate) => candidate.interest === interest)
        .map(({ item, score }) => ({ item, score: Math.fround(score) })),
    ].sort((a, b) => b.score - a.score || a.item - b.item);
    all.set(interest, {
      interest,
      items: Int32Array.from(entries, ({ item }) => item),
      scores: Float32Array.from(entries, ({ score }) => score),
    });
  }
  return [...all.values()].sort((a, b) => a.interest - b.interest);
}

export function emptyList(interest: number): InterestList {
  return { interest, items: new Int32Array(0), scores: new Float32Array(0) };
}

/**
 * Visits the entries of all lists, best first: equal scores by item index, then by interest. An item in several lists
 * is visited once per list, highest score first.
 *
 * @param visit Returns true to stop.
 */
export function visitBestFirst(
  lists: readonly InterestList[],
  visit: (item: number, score: number, list: number) => boolean,
): void {
  const positions = new Int32Array(lists.length);
  for (;;) {
    let best = -1;
    let bestScore = -Infinity;
    let bestItem = 0;
    for (let l = 0; l < lists.length; l++) {
      const { items, scores } = lists[l]!;
      const position = positions[l]!;
      if (position === items.length) continue;
      const score = scores[position]!;
      if (best >= 0 && score < bestScore) continue;
      const item = items[position]!;
      if (best < 0 || score > bestScore || item < bestItem) {
        best = l;
        bestScore = score;
        bestItem = item;
      }
    }
    if (best < 0) return;
    positions[best]!++;
    if (visit(bestItem, bestScore, best)) return;
  }
}

/**
 * Returns the `limit` items with the highest score in any list, best first. With inner products, it is max_k e_i^T v_u^k (MIND,
 * "Serving"). Equal scores are ordered by item index; of equal interests the lowest counts. Exact if every list is
 * exact and contains `limit` items, or all items.
 */
export function mergeByMax(lists: readonly InterestList[], limit: number): Candidate[] {
  const merged: Candidate[] = [];
  if (limit <= 0) return merged;
  const taken = new Set<number>();
  visitBestFirst(lists, (item, score, list) => {
    if (taken.has(item)) return false;
    taken.add(item);
    merged.push({ item, score, interest: lists[list]!.interest });
    return merged.length === limit;
  });
  return merged;
}

/**
 * Scores the items of all lists with a score that depends on all interests, and returns the `count` best: each once, in the list of its
 * nearest interest.
 *
 * @param scoreOf Returns the score of an item, which is at most its highest score for any interest
 */
export function rescoreLists(
  lists: readonly InterestList[],
  count: number,
  scoreOf: (item: number) => Omit<Candidate, 'item'>,
): readonly InterestList[] {
  const taken = new Set<number>();
  const best: Candidate[] = [];
  // An item that a list does not contain has at most the last score of the list.
  const unlisted = Math.max(...lists.map(({ scores }) => scores.at(-1) ?? Number.NEGATIVE_INFINITY));
  visitBestFirst(lists, (item, highest) => {
    if (best.length >= count && Math.max(highest, unlisted) < best[count - 1]!.score) return true;
    if (taken.has(item)) return false;
    taken.add(item);
    const { score, interest } = scoreOf(item);
    const position = positionAfter(best, score);
    if (position < count) best.splice(position, 0, { item, score, interest });
    if (best.length > count) best.pop();
    return false;
  });
  return insertCandidates([], best);
}

/** Returns the position after the last candidate with at least this score. */
function positionAfter(descending: readonly Candidate[], score: number): number {
  let low = 0;
  let high = descending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (descending[middle]!.score >= score) low = middle + 1;
    else high = middle;
  }
  return low;
}
