import { mergeByMax } from './interest-lists.ts';
import type { Candidate, InterestList } from './interest-lists.ts';

/** Returns the category of an item, such as its brand; undefined if it has none. */
export type CategoryOf = (item: number) => string | number | undefined;

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
