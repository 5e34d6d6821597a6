import { buildPopularityTimeline } from '@facet/features';
import type { Cut, Examples } from '@facet/features';
import type { TrainingConfig } from '@facet/model';
import { createBatchSource, createBatchBuilder } from '@facet/model/batches';
import type { BatchArrays, EpochBatches, BatchOptions, TrainingData } from '@facet/model/batches';

/** The inputs from which the batches of a phase are prepared. */
export interface BatchOrder extends Pick<BatchOptions, 'spec' | 'itemFeatures' | 'trainedCount'> {
  readonly data: Omit<TrainingData, 'timeline'>;
  /** The cut of the interactions that popularity counts. */
  readonly cut: Cut;
  readonly examples: Examples;
  readonly config: TrainingConfig;
}

/** A message to the batch thread. */
export type BatchRequest =
  { readonly kind: 'epoch'; readonly epoch: number } | { readonly kind: 'batch' } | { readonly kind: 'close' };

/** The response to a request other than `close`; `end` after the last batch of an epoch. */
export type BatchResponse =
  | { readonly kind: 'epoch'; readonly examples: number }
  | { readonly kind: 'batch'; readonly batch: BatchArrays | undefined }
  | { readonly kind: 'end' };

/** Returns a `BatchSource` that prepares batches on request. */
export function batchSourceOf(order: BatchOrder): (epoch: number) => EpochBatches<Iterable<BatchArrays | undefined>> {
  const { spec, itemFeatures, trainedCount, data, cut, examples, config } = order;
  // Batches contain trained items only.
  const timeline = buildPopularityTimeline(data.sequences, trainedCount, cut);
  const build = createBatchBuilder({ spec, itemFeatures, trainedCount, data: { ...data, timeline }, training: config });
  return createBatchSource(build, examples, config);
}
