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
  const added = new Map<number, Candidate[]>();
  for (const candidate of candidates) {
    const others = added.get(candidate.interest);
    if (others === undefined) added.set(candidate.interest, [candidate]);
    else others.push(candidate);
  }
  const extended = lists.map((list) => insert(list, added.get(list.interest) ?? []));
  const present = new Set(lists.map(({ interest }) => interest));
  for (const [interest, own] of added) if (!present.has(interest)) extended.push(insert(emptyList(interest), own));
  return extended.sort((a, b) => a.interest - b.interest);
}

function emptyList(interest: number): InterestList {
  return { interest, items: new Int32Array(0), scores: new Float32Array(0) };
}

function insert(list: InterestList, candidates: readonly Candidate[]): InterestList {
  if (candidates.length === 0) return list;
  // Rounded like the scores of the list, so that equal scores are ordered by item.
  const sorted = candidates
    .map(({ item, score }) => ({ item, score: Math.fround(score) }))
    .sort((a, b) => b.score - a.score || a.item - b.item);
  const size = list.items.length + sorted.length;
  const items = new Int32Array(size);
  const scores = new Float32Array(size);
  let from = 0;
  let next = 0;
  for (let rank = 0; rank < size; rank++) {
    const added = sorted[next];
    if (added !== undefined && isBefore(added, list, from)) {
      items[rank] = added.item;
      scores[rank] = added.score;
      next++;
    } else {
      items[rank] = list.items[from]!;
      scores[rank] = list.scores[from++]!;
    }
  }
  return { interest: list.interest, items, scores };
}

function isBefore({ item, score }: { item: number; score: number }, list: InterestList, position: number): boolean {
  if (position === list.items.length) return true;
  const other = list.scores[position]!;
  return score > other || (score === other && item < list.items[position]!);
}
