import type { Random } from '@facet/features';

/** Draws negatives with replacement, log-uniform by popularity rank: q(rank r) = (ln(r + 2) − ln(r + 1)) / ln(N + 1). */
export interface NegativeSampler {
  /** Item indexes of `count` draws; padding is never drawn. */
  draw(count: number, random: Random): Int32Array;
  /** ln Q of an item: the logarithm of its expected count among `count` draws with replacement, n·q. */
  logExpectedCount(item: number, count: number): number;
}

/** A sampler over items 1..itemCount, whose index is their popularity rank + 1. */
export function createLogUniformSampler(itemCount: number): NegativeSampler {
  const logRange = Math.log(itemCount + 1);
  return {
    draw(count, random) {
      // The inverse of the cumulative distribution ln(r + 1) / ln(N + 1).
      const rank = (): number => Math.min(itemCount - 1, Math.floor(Math.exp(random.next() * logRange)) - 1);
      return Int32Array.from({ length: count }, () => rank() + 1);
    },
    logExpectedCount: (item, count) => Math.log((count * Math.log((item + 1) / item)) / logRange),
  };
}
