import { AppError } from '@facet/platform';
import { createTopSelector } from './top-selector.ts';

export interface TopNOptions {
  /** Items that are never returned: their indices, or a bitmap `Uint8Array [N+1]` with 1 at an excluded index. */
  readonly exclude?: Iterable<number> | Uint8Array;
  /** Seeds the order of items with equal scores; see {@link createTopSelector} for the rule. */
  readonly tieSeed: number;
}

/**
 * The `n` items with the highest scores, best first. Index 0 (padding) is never returned, nor is an item whose score is
 * `-Infinity`, so fewer than `n` may come back. O(N log n).
 *
 * @param scores `[N+1]`, the score of item i at index i.
 * @throws AppError `EVALUATION_SCORE_NAN` for a score that is not a number, excluded or not.
 */
export function topN(scores: Float32Array, n: number, options: TopNOptions): Int32Array {
  const excluded = excludedBitmap(options.exclude, scores.length);
  const selector = createTopSelector(Math.min(n, Math.max(0, scores.length - 1)), options.tieSeed);
  for (let item = 1; item < scores.length; item++) {
    const score = scores[item]!;
    if (Number.isNaN(score)) {
      throw new AppError(`The score of item index ${item} is not a number.`, {
        code: 'EVALUATION_SCORE_NAN',
        category: 'internal',
        remedy: 'Look for a diverged model or a division by zero in the scorer.',
        context: { item },
      });
    }
    if (score === -Infinity || excluded?.[item] === 1) continue;
    selector.offer(item, score);
  }
  return selector.take().items;
}

function excludedBitmap(exclude: Iterable<number> | Uint8Array | undefined, length: number): Uint8Array | undefined {
  if (exclude === undefined || exclude instanceof Uint8Array) return exclude;
  const bitmap = new Uint8Array(length);
  for (const item of exclude) bitmap[item] = 1;
  return bitmap;
}
