import type { Random } from '@facet/features';

/** Draws negatives with replacement, log-uniform by popularity rank: q(rank r) = (ln(r + 2) − ln(r + 1)) / ln(N + 1). */
export interface NegativeSampler {
  /** Item indexes of `count` draws; padding is never drawn. */
  draw(count: number, random: Random): Int32Array;
  /** ln Q of an item: the logarithm of its expected count among `count` draws with replacement, n·q. */
  logExpectedCount(item: number, count: number): number;
}

/** A sampler over `candidates`, item indexes in the order of their popularity, the most popular first. */
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
