import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import type { UserBatch, WeightTensors } from '../batch.ts';
import type { ExtractorConfig, ExtractorKind } from '../config.ts';

/** The input of an extractor. */
export interface ExtractorInput {
  /** [B, L, D] for each behavior, the embedding of its item plus the embedding of its age. Zero for padding. */
  readonly behaviors: Tensor3D;
  /** [B, L] weight of each behavior: 0 for padding, otherwise its recency weight, or 1 in variants without `recency`. */
  readonly weights: Tensor2D;
  readonly users: UserBatch;
}

/** Behaviors → capsules [B, K, D]. */
export type Extractor<Kind extends ExtractorKind, Settings = unknown> = (
  weights: WeightTensors,
  config: ExtractorConfig<Kind> & Settings,
  input: ExtractorInput,
) => Tensor3D;

/** Takes a weight with one row per slot and returns the rows for the slots of the batch. @param axis The axis of the slots. */
export function ofSlots(weight: Tensor, { slots }: Pick<UserBatch, 'slots'>, axis = 0): Tensor {
  return slots === undefined ? weight : tf.gather(weight, slots, axis);
}
