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
