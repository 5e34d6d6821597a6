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
function visitBestFirst(
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

/**
 * Takes interests in turn, each with the best of its items that is not taken yet, so that every page shows every
 * interest. The interest with the best item begins. The result is in the order of turns, not of scores. Lists of
 * `limit` items suffice, because the other interests take fewer than `limit` items before the last turn.
 */
export function mergeRoundRobin(lists: readonly InterestList[], limit: number): Candidate[] {
  const turns = lists
    .filter(({ items }) => items.length > 0)
    .sort((a, b) => b.scores[0]! - a.scores[0]! || a.items[0]! - b.items[0]!);
  const positions = new Int32Array(turns.length);
  const merged: Candidate[] = [];
  const taken = new Set<number>();
  for (let isProgress = true; isProgress && merged.length < limit;) {
    isProgress = false;
    for (let turn = 0; turn < turns.length && merged.length < limit; turn++) {
      const { interest, items, scores } = turns[turn]!;
      let position = positions[turn]!;
      while (position < items.length && taken.has(items[position]!)) position++;
      positions[turn] = position + 1;
      if (position >= items.length) continue;
      taken.add(items[position]!);
      merged.push({ item: items[position]!, score: scores[position]!, interest });
      isProgress = true;
    }
  }
  return merged;
}

/** Returns the category of an item, such as its brand; undefined if it has none. */
type CategoryOf = (item: number) => string | number | undefined;

/**
 * Returns the number of candidates to consider for `limit` slots. Fewer leave no alternatives to a repeated category;
 * more cost search time. For a graph this depth is almost free: usual pages stay below its tuned breadth, and the
 * longest pages need less than twice that breadth.
 */
export function diverseCandidates(limit: number): number {
  return 2 * limit + 100;
}

/**
 * Selects items with high scores and different categories: greedily maximizes Q(u, S) = Σ f(u, i) + λ Σ Σ g(i, j),
 * where g = 1 if the categories of i and j differ (ComiRec, arXiv:2005.09347, section 3.4, "controllable diversity").
 * Returns items in greedy order. Items without a category form one category.
 *
 * f is the highest score in any list. λ is relative to the range between the best score and the score that would be
 * last without diversity. With λ = 0.1, each earlier item of its category costs an item a tenth of that range. With
 * λ = 0, the result equals {@link mergeByMax}.
 *
 * An item gains λ for each selected item except the n in the same category, so f - λ n decides. Those n are the items of
 * its category with higher scores, so n is its rank in the category and known in advance. Sorting by f - λ n gives
 * the greedy order.
 */
export function mergeDiverse(
  lists: readonly InterestList[],
  limit: number,
  { lambda, categoryOf }: { readonly lambda: number; readonly categoryOf: CategoryOf },
): Candidate[] {
  const candidates = mergeByMax(lists, diverseCandidates(limit));
  if (limit <= 0 || candidates.length === 0) return [];
  const range = candidates[0]!.score - candidates[Math.min(limit, candidates.length) - 1]!.score;
  // If all scores are equal, any other category is better.
  const penalty = lambda * (range === 0 ? 1 : range);

  const counts = new Map<string | number | undefined, number>();
  const valued = candidates.map((candidate) => {
    const category = categoryOf(candidate.item);
    const rank = counts.get(category) ?? 0;
    counts.set(category, rank + 1);
    return { candidate, value: candidate.score - penalty * rank };
  });
  // Equal values stay in the order of scores.
  valued.sort((a, b) => b.value - a.value);
  return valued.slice(0, limit).map(({ candidate }) => candidate);
}

/** Number of items per interest, indexed by interest; missing entries are 0. */
interface Quotas {
  /** Minimum numbers of items. If their sum exceeds the limit, they are reduced proportionally. */
  readonly floors?: readonly number[] | undefined;
  /** Division of the remaining slots, in any unit; `equal` gives each interest the same. */
  readonly shares?: readonly number[] | 'equal' | undefined;
}

/**
 * Gives each interest its quota of its best items: its floor, plus its share of the rest. The best other items get the
 * remaining slots. The result is sorted by score. An item of several interests counts for the one that scores it
 * highest and has quota left. Without floors and shares, the result equals {@link mergeByMax}.
 *
 * All quotas are met if the lists contain `limit` items each. Shorter lists must be complete; then all of their items
 * are returned.
 */
export function mergeByQuota(lists: readonly InterestList[], limit: number, quotas: Quotas): Candidate[] {
  if (limit <= 0) return [];
  const quotaLeft = quotaOfLists(lists, limit, quotas);
  let slotsLeft = quotaLeft.reduce((sum, quota) => sum + quota, 0);
  const merged: Candidate[] = [];
  const taken = new Set<number>();
  const take = (item: number, score: number, list: number): void => {
    taken.add(item);
    merged.push({ item, score, interest: lists[list]!.interest });
  };
  if (slotsLeft > 0) {
    visitBestFirst(lists, (item, score, list) => {
      if (quotaLeft[list] === 0 || taken.has(item)) return false;
      take(item, score, list);
      quotaLeft[list]!--;
      return --slotsLeft === 0;
    });
  }
  if (merged.length < limit) {
    visitBestFirst(lists, (item, score, list) => {
      if (!taken.has(item)) take(item, score, list);
      return merged.length === limit;
    });
  }
  return merged.sort((a, b) => b.score - a.score || a.item - b.item);
}

/** Returns the quota of each list; their sum is at most `limit`. */
function quotaOfLists(lists: readonly InterestList[], limit: number, { floors, shares }: Quotas): number[] {
  const minimums = lists.map(({ interest }) => floors?.[interest] ?? 0);
  const total = minimums.reduce((sum, floor) => sum + floor, 0);
  if (total >= limit) return divideByShares(limit, minimums);
  if (shares === undefined) return minimums;
  const parts = divideByShares(
    limit - total,
    lists.map(({ interest }) => (shares === 'equal' ? 1 : (shares[interest] ?? 0))),
  );
  return minimums.map((floor, list) => floor + parts[list]!);
}

/**
 * Divides a number of slots by shares. The parts sum to `slots`, and each differs from the exact quotient by less
 * than 1. The largest remainders get the slots that rounding down leaves (Hamilton's method); ties go to the first.
 *
 * @param shares Non-negative numbers in any unit. If all are 0, all parts are 0.
 */
export function divideByShares(slots: number, shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (total === 0) return shares.map(() => 0);
  const exact = shares.map((share) => (slots * share) / total);
  const parts = exact.map(Math.floor);
  const left = slots - parts.reduce((sum, part) => sum + part, 0);
  const byRemainder = [...shares.keys()].sort((a, b) => exact[b]! - parts[b]! - (exact[a]! - parts[a]!) || a - b);
  for (const position of byRemainder.slice(0, left)) parts[position]!++;
  return parts;
}
