import type { Random } from '@facet/features';
import type { ModelConfig } from '../config.ts';

/** Up to this many trained items, the full softmax is cheaper than sampling. */
const fullSoftmaxItemsMax = 5_000;
/** Negatives per batch of more items. */
const drawnNegatives = 2_048;

/** The negatives of a batch for a known number of trained items. */
export type Negatives = Exclude<ModelConfig['negatives'], 'auto'>;

/** Returns the negatives of a batch: `all` for the full softmax over all trained items. */
export function negativesOf({ negatives }: Pick<ModelConfig, 'negatives'>, trainedCount: number): Negatives {
  if (negatives !== 'auto') return negatives;
  return trainedCount <= fullSoftmaxItemsMax ? 'all' : drawnNegatives;
}

/** Returns the number of drawn negatives, and whether the labels of the batch are negatives too. */
export function sampledNegatives(negatives: Exclude<Negatives, 'all'>): { drawn: number; inBatch: boolean } {
  if (typeof negatives === 'number') return { drawn: negatives, inBatch: false };
  const [, drawn = 0] = negatives.split('+');
  return { drawn: Number(drawn), inBatch: true };
}

/** Draws negatives with replacement, log-uniform by popularity rank: q(rank r) = (ln(r + 2) − ln(r + 1)) / ln(N + 1). */
export interface NegativeSampler {
  /** Returns the items of `count` draws. Never draws padding. */
  draw(count: number, random: Random): Int32Array;
  /** Returns the expected count n·q of an item among n = `count` draws. */
  expectedCount(item: number, count: number): number;
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
    expectedCount(item, count) {
      const rank = rankOf[item]!;
      return (count * Math.log((rank + 2) / (rank + 1))) / logRange;
    },
  };
}
