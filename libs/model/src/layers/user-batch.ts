import { tf } from '../tf.ts';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '../tf.ts';

/** A batch of users as tensors. Padding is 0 in all of them and lies before the behaviors. */
export interface UserBatch {
  /** [B, L] item indexes and age buckets of the behaviors. */
  readonly behaviors: Tensor2D;
  readonly ages: Tensor2D;
  /** [B, L] 1 for a behavior, 0 for padding. */
  readonly mask: Tensor2D;
  /** [B, K] 1 for an active interest. */
  readonly active: Tensor2D;
  /** One [B] of table rows for each user feature. */
  readonly profile: readonly Tensor1D[];
  /** [B] rows of the users in the table of user vectors, where the model has one. */
  readonly userRows?: Tensor1D | undefined;
  /** [L] the slots of the model's sequence that the batch has, the newest ones; without them it has all. */
  readonly slots?: Tensor1D | undefined;
  /** [B, K, L] routing logits drawn for each example; without them those of inference are taken. */
  readonly logits?: Tensor3D | undefined;
  /** [B, L, D] factors of the behavior inputs in training (dropout). */
  readonly inputNoise?: Tensor3D;
  /** [sublayers, B, L, D] factors of what each sublayer of a transformer adds, in training. */
  readonly layerNoise?: Tensor4D | undefined;
}

/** Weights that each slot has for itself, of the slots that a batch has. @param axis that of the slots */
export function ofSlots(weights: Tensor, { slots }: Pick<UserBatch, 'slots'>, axis = 0): Tensor {
  return slots === undefined ? weights : tf.gather(weights, slots, axis);
}
