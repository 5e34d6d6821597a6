import { mix } from '@facet/features';
import { AppError } from '@facet/platform';

/** Keeps the best `capacity` of the items offered to it, in a binary heap whose root is the worst item kept. */
export interface TopSelector {
  /** Costs O(log capacity), and O(1) for an item that is no better than the worst kept. Offer each item once. */
  offer(item: number, score: number): void;
  /** Returns the lowest score kept, or `-Infinity` until `capacity` items have been offered. */
  floor(): number;
  /** Returns the kept items, best first, and empties the selector. */
  take(): { items: Int32Array; scores: Float64Array };
}

/**
 * Creates a selector with a total order: higher score first, and among equal scores the smaller seeded hash of the item
 * index first. The hash is a bijection of 32-bit integers, so no two items share one. Neither the order of indices nor
 * popularity (which often follows it) decides a tie.
 */
export function createTopSelector(capacity: number, tieSeed: number): TopSelector {
  const seedBits = mix(tieSeed);
  const items = new Int32Array(capacity);
  const scores = new Float64Array(capacity);
  let size = 0;

  function isWorse(item: number, score: number, otherItem: number, otherScore: number): boolean {
    if (score !== otherScore) return score < otherScore;
    return mix(item ^ seedBits) > mix(otherItem ^ seedBits);
  }

  function siftUp(item: number, score: number): void {
    let position = size++;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!isWorse(item, score, items[parent]!, scores[parent]!)) break;
      items[position] = items[parent]!;
      scores[position] = scores[parent]!;
      position = parent;
    }
    items[position] = item;
    scores[position] = score;
  }

  function siftDown(item: number, score: number): void {
    let position = 0;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && isWorse(items[right]!, scores[right]!, items[child]!, scores[child]!)) child = right;
      if (!isWorse(items[child]!, scores[child]!, item, score)) break;
      items[position] = items[child]!;
      scores[position] = scores[child]!;
      position = child;
    }
    items[position] = item;
    scores[position] = score;
  }

  return {
    offer(item, score) {
      if (size < capacity) siftUp(item, score);
      else if (size > 0 && isWorse(items[0]!, scores[0]!, item, score)) siftDown(item, score);
    },
    floor: () => (size > 0 && size === capacity ? scores[0]! : Number.NEGATIVE_INFINITY),
    take() {
      const taken = { items: new Int32Array(size), scores: new Float64Array(size) };
      while (size > 0) {
        size--;
        taken.items[size] = items[0]!;
        taken.scores[size] = scores[0]!;
        if (size > 0) siftDown(items[size]!, scores[size]!);
      }
      return taken;
    },
  };
}

export function scoreNotANumber(item: number): AppError {
  return new AppError(`The score of item index ${item} is not a number.`, {
    code: 'EVALUATION_SCORE_NAN',
    category: 'internal',
    remedy: 'Look for a diverged model or a division by zero in the scorer.',
    context: { item },
  });
}
