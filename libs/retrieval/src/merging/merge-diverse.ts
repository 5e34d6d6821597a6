import type { Candidate, InterestList } from './interest-list.ts';
import { mergeByMax } from './merge-by-max.ts';

/** What an item is of, such as its brand; undefined for an item that says nothing. */
export type CategoryOf = (item: number) => string | number | undefined;

/**
 * How many candidates are looked at for `limit` places: with fewer there is nothing to exchange a repeated category for,
 * and more cost search: a graph index is about as fast for so many, as its breadth is above it for usual pages and less
 * than twice as wide for the longest.
 */
export function diverseCandidates(limit: number): number {
  return 2 * limit + 100;
}

/**
 * Items that score high and are not all of one category: the greedy maximum of Q(u, S) = Σ f(u, i) + λ Σ Σ g(i, j), with
 * g = 1 where the categories of i and j differ (ComiRec, arXiv:2005.09347, section 3.4, "controllable diversity"). In the
 * order in which the greedy choice takes them. All items without a category count as one.
 *
 * f is the highest score of any interest. λ is in units of the range between the best score and the one that would be
 * last by scores alone: with λ = 0.1 an item gives way to another one that is worse by a tenth of that range, for each
 * item of its category that is there before it. With λ = 0 it is {@link mergeByMax}.
 *
 * Against the |S| items that are there, an item gains λ for all but those n of its own category, so f - λ n decides. The
 * others of its category that come before it are those that score higher, so n is its rank among them: known at once, and
 * each choice is the best of the categories' next items.
 */
export function mergeDiverse(
  lists: readonly InterestList[],
  limit: number,
  { lambda, categoryOf }: { readonly lambda: number; readonly categoryOf: CategoryOf },
): Candidate[] {
  const candidates = mergeByMax(lists, diverseCandidates(limit));
  if (limit <= 0 || candidates.length === 0) return [];
  const range = candidates[0]!.score - candidates[Math.min(limit, candidates.length) - 1]!.score;
  // Where all score the same, any other category is better.
  const penalty = lambda * (range === 0 ? 1 : range);

  /** f - λ n by position, the next position of the same category (0: none), and the first one of each category. */
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

  // The first ones come best first, so they are a heap from the beginning.
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
  /** The one that is before all others. */
  top(): number;
  /** Takes out the top and puts another in, if there is one. */
  replaceTop(by: number | undefined): void;
}

/** @param values in an order in which none is before its parent, such as a sorted one; kept and changed. */
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
