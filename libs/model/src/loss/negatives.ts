import type { ModelConfig } from '../config.ts';

/** Up to so many items the full softmax costs less than what a sample spares. */
const fullSoftmaxItemsMax = 5_000;
/** Of a larger catalog so many negatives are drawn for each batch. */
const drawnNegatives = 2_048;

/** What the labels of a batch compete with: all of N items, or so many that are drawn. */
export function negativesOf({ negatives }: Pick<ModelConfig, 'negatives'>, itemCount: number): number | 'all' {
  if (negatives !== 'auto') return negatives;
  return itemCount <= fullSoftmaxItemsMax ? 'all' : drawnNegatives;
}
