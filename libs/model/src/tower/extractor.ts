import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import type { UserBatch, WeightTensors } from '../batch.ts';
import type { ExtractorConfig, ExtractorKind } from '../config.ts';

/** The input of an extractor. */
export interface ExtractorInput {
  /** [B, L, D] embeddings of the behaviors: of the item, plus that of its age. Zero for padding. */
  readonly behaviors: Tensor3D;
  /** [B, L] weight of each behavior: 0 for padding, otherwise 1 in the papers or its recency weight. */
  readonly weights: Tensor2D;
  readonly users: UserBatch;
}

/** Behaviors → capsules [B, K, D]. */
export type Extractor<Kind extends ExtractorKind, Settings = unknown> = (
  weights: WeightTensors,
  config: ExtractorConfig<Kind> & Settings,
  input: ExtractorInput,
) => Tensor3D;

/** Returns the rows of a weight that has one per slot, for the slots of the batch. @param axis The axis of the slots. */
export function ofSlots(weight: Tensor, { slots }: Pick<UserBatch, 'slots'>, axis = 0): Tensor {
  return slots === undefined ? weight : tf.gather(weight, slots, axis);
}
