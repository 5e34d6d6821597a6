import { countPairs, transpose } from '@facet/features';
import type { SparseRows } from '@facet/features';
import { createTopSelector } from './top-selector.ts';
import type { InteractionColumns, Scorer } from './scorers.ts';

export interface ItemCfOptions {
  /** N: the scores are `[N+1]`. */
  readonly catalogSize: number;
  /** Neighbors kept per item, the item itself among them. */
  readonly neighbors: number;
  /** `bm25` (Robertson), with the parameters below, or `cosine` of the items' user vectors. */
  readonly weights: 'bm25' | 'cosine';
  /** BM25: how soon repeated interactions saturate; 1.2 by default. */
  readonly k1?: number;
  /** BM25: how strongly popular items are damped, 0..1; 0.75 by default. */
  readonly b?: number;
  /** Whether repeated interactions count more in the similarities; `distinct` by default. */
  readonly fitCounts?: 'distinct' | 'repeated';
  /** Whether repeated interactions count more in a user's scores; `distinct` by default. */
  readonly scoreCounts?: 'distinct' | 'repeated';
  /** Scores only from this many of the user's newest behaviors; all by default. */
  readonly lastBehaviors?: number;
  /** The weight of a behavior relative to the next newer one; 1 by default. */
  readonly decay?: number;
  /** Seeds which of equally similar items are kept as neighbors. */
  readonly tieSeed?: number;
}

export interface ItemCf {
  readonly score: Scorer;
  /** The number of similarities that the scores use. */
  readonly parameters: number;
}

/**
 * Returns a function that creates item-based collaborative filters with different settings: sim(i, j) is the dot product of two
 * items' weighted user vectors, each item keeps its nearest neighbors, and a user's score of j is the sum of sim(i, j) over the user's
 * items i.
 *
 * The weights are those of `BM25Recommender` and `CosineRecommender` of the Python package implicit 0.7.3, BM25 with
 * items as documents and users as terms:
 * w(i, u) = c (k1 + 1) / (k1 ((1 - b) + b |i| / mean |i|) + c) * (ln N - ln(1 + |u|)), c the count of the pair, |i| the
 * item's total count, |u| the number of the user's items, N the number of items.
 *
 * The search for neighbors costs the sum over users of |u|^2 and O(pairs + N * neighborsMax) memory. Consecutive settings with the same
 * weights and at most `neighborsMax` neighbors share it.
 */
export function createItemCf(
  interactions: InteractionColumns,
  { catalogSize, neighborsMax }: { readonly catalogSize: number; readonly neighborsMax: number },
): (settings: Omit<ItemCfOptions, 'catalogSize'>) => ItemCf {
  let fitted: { readonly key: string; readonly similar: ItemNeighbors } | undefined;
  return (settings) => {
    const { weights, k1, b, fitCounts, tieSeed, neighbors } = settings;
    const key = [weights, k1, b, fitCounts, tieSeed].join();
    if (fitted?.key !== key) {
      fitted = { key, similar: fitItemNeighbors(interactions, { ...settings, catalogSize, neighbors: neighborsMax }) };
    }
    const { similar } = fitted;
    const ends = similar.start.map((start, row) => Math.min(start + neighbors, similar.start[row + 1] ?? start));
    const parameters = ends.reduce((sum, end, row) => sum + end - similar.start[row]!, 0);
    return { score: scoreByNeighbors(similar, ends, settings), parameters };
  };
}

/**
 * Scores items by the nearest neighbors of the user's items: those of item i at positions `start[i]..ends[i] - 1`. The user's own
 * items keep their scores, so that they may return.
 */
function scoreByNeighbors(
  { start, columns, values }: ItemNeighbors,
  ends: Int32Array,
  options: Pick<ItemCfOptions, 'lastBehaviors' | 'decay' | 'scoreCounts'>,
): Scorer {
  const { lastBehaviors = Infinity } = options;
  const catalogSize = start.length - 2;
  return ({ history }) => {
    const scores = new Float32Array(catalogSize + 1);
    const considered = history.subarray(Math.max(0, history.length - lastBehaviors));
    for (const [item, weight] of behaviorWeights(considered, options)) {
      for (let entry = start[item]!; entry < ends[item]!; entry++) scores[columns[entry]!]! += weight * values[entry]!;
    }
    return scores;
  };
}

/** Returns the weight of each item of a history. A repeated item has the weight of its newest behavior, or of all of them. */
function behaviorWeights(
  history: Int32Array,
  { decay = 1, scoreCounts = 'distinct' }: Pick<ItemCfOptions, 'decay' | 'scoreCounts'>,
): Map<number, number> {
  const weights = new Map<number, number>();
  let weight = 1;
  for (let position = history.length - 1; position >= 0; position--) {
    const item = history[position]!;
    const newer = weights.get(item);
    if (newer === undefined) weights.set(item, weight);
    else if (scoreCounts === 'repeated') weights.set(item, newer + weight);
    weight *= decay;
  }
  return weights;
}

/** The nearest neighbors of each item (one row per item), the nearest first, with their similarities. */
type ItemNeighbors = SparseRows;

/** Finds each item's nearest neighbors. */
function fitItemNeighbors(interactions: InteractionColumns, options: ItemCfOptions): ItemNeighbors {
  const { catalogSize, neighbors, tieSeed = 0 } = options;
  const byItem = countPairs(interactions, catalogSize, options.fitCounts ?? 'distinct');
  const userCount = interactions.users.reduce((highest, user) => Math.max(highest, user + 1), 0);
  if (options.weights === 'bm25') weighByBm25(byItem, userCount, options.k1 ?? 1.2, options.b ?? 0.75);
  else normalizeRows(byItem);
  const byUser = transpose(byItem, userCount);

  const similarity = new Float64Array(catalogSize + 1);
  const touched = new Int32Array(catalogSize);
  const touchedBy = new Int32Array(catalogSize + 1);
  const selector = createTopSelector(neighbors, tieSeed);
  const start = new Int32Array(catalogSize + 2);
  const columns: Int32Array[] = [];
  const values: Float64Array[] = [];
  for (let item = 1; item <= catalogSize; item++) {
    let touchedCount = 0;
    for (let entry = byItem.start[item]!; entry < byItem.start[item + 1]!; entry++) {
      const weight = byItem.values[entry]!;
      const user = byItem.columns[entry]!;
      for (let other = byUser.start[user]!; other < byUser.start[user + 1]!; other++) {
        const otherItem = byUser.columns[other]!;
        if (touchedBy[otherItem] !== item) {
          touchedBy[otherItem] = item;
          touched[touchedCount++] = otherItem;
          similarity[otherItem] = 0;
        }
        similarity[otherItem]! += weight * byUser.values[other]!;
      }
    }
    for (const otherItem of touched.subarray(0, touchedCount)) selector.offer(otherItem, similarity[otherItem]!);
    const kept = selector.take();
    columns.push(kept.items);
    values.push(kept.scores);
    start[item + 1] = start[item]! + kept.items.length;
  }
  return {
    start,
    columns: concatInto(new Int32Array(start.at(-1)!), columns),
    values: concatInto(new Float64Array(start.at(-1)!), values),
  };
}

function weighByBm25({ start, columns, values }: SparseRows, userCount: number, k1: number, b: number): void {
  const itemCount = start.length - 2;
  const itemsOfUser = new Int32Array(userCount);
  for (const user of columns) itemsOfUser[user]!++;
  const inverseFrequency = Float64Array.from(itemsOfUser, (items) => Math.log(itemCount) - Math.log1p(items));
  const meanLength = values.reduce((total, count) => total + count, 0) / itemCount;
  for (let item = 1; item <= itemCount; item++) {
    let length = 0;
    for (let entry = start[item]!; entry < start[item + 1]!; entry++) length += values[entry]!;
    const norm = k1 * (1 - b + (b * length) / meanLength);
    for (let entry = start[item]!; entry < start[item + 1]!; entry++) {
      const count = values[entry]!;
      values[entry] = ((count * (k1 + 1)) / (norm + count)) * inverseFrequency[columns[entry]!]!;
    }
  }
}

function normalizeRows({ start, values }: SparseRows): void {
  for (let row = 0; row + 1 < start.length; row++) {
    let squares = 0;
    for (let entry = start[row]!; entry < start[row + 1]!; entry++) squares += values[entry]! ** 2;
    for (let entry = start[row]!; entry < start[row + 1]!; entry++) values[entry]! /= Math.sqrt(squares);
  }
}

function concatInto<T extends Int32Array | Float64Array>(target: T, parts: readonly T[]): T {
  let offset = 0;
  for (const part of parts) {
    target.set(part, offset);
    offset += part.length;
  }
  return target;
}
