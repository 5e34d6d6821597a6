import type { Random } from '@facet/features';
import type { ModelConfig } from '../config.ts';

/** Up to this many items, the full softmax is cheaper than sampling. */
const fullSoftmaxItemsMax = 5_000;
/** Negatives per batch of a larger catalog. */
const drawnNegatives = 2_048;

/** Returns the number of negatives per batch, or `all` for the full softmax over all items. */
export function negativesOf({ negatives }: Pick<ModelConfig, 'negatives'>, itemCount: number): number | 'all' {
  if (negatives !== 'auto') return negatives;
  return itemCount <= fullSoftmaxItemsMax ? 'all' : drawnNegatives;
}

/** Draws negatives with replacement, log-uniform by popularity rank: q(rank r) = (ln(r + 2) − ln(r + 1)) / ln(N + 1). */
export interface NegativeSampler {
  /** Returns the items of `count` draws. Never draws padding. */
  draw(count: number, random: Random): Int32Array;
  /** Returns ln Q of an item: the logarithm of its expected count n·q among n = `count` draws. */
  logExpectedCount(item: number, count: number): number;
}

/** @param candidates Items by popularity, the most popular first. */
export function createLogUniformSampler(candidates: Int32Array): NegativeSampler {
  const logRange = Math.log(candidates.length + 1);
  const rankOf = new Int32Array(candidates.reduce((most, item) => Math.max(most, item), 0) + 1);
  candidates.forEach((item, rank) => {
    rankOf[item] = rank;
  });
  return {
    draw(count, random) {
      // The inverse of the cumulative distribution ln(r + 1) / ln(N + 1).
      const rank = (): number => Math.min(candidates.length - 1, Math.floor(Math.exp(random.next() * logRange)) - 1);
      return Int32Array.from({ length: count }, () => candidates[rank()]!);
    },
    logExpectedCount(item, count) {
      const rank = rankOf[item]!;
      return Math.log((count * Math.log((rank + 2) / (rank + 1))) / logRange);
    },
  };
}
