import { buildPopularityTimeline } from '@facet/features';
import type { Cut, Examples } from '@facet/features';
import type { TrainingConfig } from '@facet/model';
import { createBatchSource, createBatchBuilder } from '@facet/model/batches';
import type { BatchArrays, EpochBatches, BatchOptions, TrainingData } from '@facet/model/batches';

/** What the batches of a phase are made of. */
export interface BatchOrder extends Pick<BatchOptions, 'spec' | 'itemFeatures' | 'trainedCount'> {
  readonly data: Omit<TrainingData, 'timeline'>;
  /** What is known of popularity. */
  readonly cut: Cut;
  readonly examples: Examples;
  readonly config: TrainingConfig;
}

/** A `BatchSource` that makes batches when they are asked for. */
export function batchSourceOf(order: BatchOrder): (epoch: number) => EpochBatches<Iterable<BatchArrays | undefined>> {
  const { spec, itemFeatures, trainedCount, data, cut, examples, config } = order;
  const timeline = buildPopularityTimeline(data.sequences, spec.itemCount, cut);
  const build = createBatchBuilder({ spec, itemFeatures, trainedCount, data: { ...data, timeline } });
  return createBatchSource(build, examples, config);
}
