import type { Candidate, InterestList } from './interest-list.ts';
import { mergeByMax } from './merge-by-max.ts';

/** Returns the category of an item, such as its brand; undefined if it has none. */
export type CategoryOf = (item: number) => string | number | undefined;

/**
 * Returns the number of candidates to consider for `limit` places. Fewer leave no alternatives to a repeated category;
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
 * last by scores alone: with λ = 0.1, each earlier item of its category costs an item a tenth of that range. With λ =
 * 0, it equals {@link mergeByMax}.
 *
 * An item gains λ for each selected item except the n in the same category, so f - λ n decides. Those n are the items of
 * its category with higher scores, so n is its rank in the category and known in advance. Each step takes the best of
 * the categories' next items.
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

  /**
   * By position: f - λ n, and the next position of the same category (0 for none). Then the first position of each
   * category.
   */
  const values = new Float64Array(candidates.length);
  const nextOf = new Int32Array(candidates.length);
  const firsts: number[] = [];
  const categories = new Map<string | number | undefined, { count: number; last: number }>();
  candidates.forEach(({ item, score }, position) => {
    const name = categoryOf(item);
    const category = categories.get(name);
    if (category === undefined) {
      categories.set(name, { count: 1, last: position });
      firsts.push(position);
      values[position] = score;
    } else {
      values[position] = score - penalty * category.count++;
      nextOf[category.last] = position;
      category.last = position;
    }
  });

  // Sorted best first, so the positions already form a heap.
  const heap = createHeap(firsts, (a, b) => values[a]! > values[b]! || (values[a] === values[b] && a < b));
  const merged: Candidate[] = [];
  while (merged.length < limit && heap.size() > 0) {
    const position = heap.top();
    merged.push(candidates[position]!);
    heap.replaceTop(nextOf[position]! > 0 ? nextOf[position] : undefined);
  }
  return merged;
}

/** A binary heap of numbers. */
interface Heap {
  size(): number;
  /** Returns the first value. */
  top(): number;
  /** Replaces the first value, or removes it if `by` is undefined. */
  replaceTop(by: number | undefined): void;
}

/**
 * Creates a binary heap.
 *
 * @param values A valid heap, such as a sorted array; modified in place.
 */
function createHeap(values: number[], isBefore: (a: number, b: number) => boolean): Heap {
  function siftDown(value: number): void {
    let place = 0;
    for (let child = 1; child < values.length; child = 2 * place + 1) {
      if (child + 1 < values.length && isBefore(values[child + 1]!, values[child]!)) child++;
      if (!isBefore(values[child]!, value)) break;
      values[place] = values[child]!;
      place = child;
    }
    values[place] = value;
  }

  return {
    size: () => values.length,
    top: () => values[0]!,
    replaceTop(by) {
      const value = by ?? values.pop()!;
      if (values.length > 0) siftDown(value);
    },
  };
}
