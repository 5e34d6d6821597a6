import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import { layerNormEpsilon, minusInfinity, unitLengthEpsilon, weightedSoftmaxEpsilon } from '../epsilon.ts';

/**
 * w_i exp(l_i) / Σ_j w_j exp(l_j) over the behaviors, the last axis. Padding gets 0, and so do all slots of a user without behaviors.
 *
 * @param logits [B, K, L]
 * @param weights [B, L] 0 for padding.
 * @param mask [B, L] 0 for padding, otherwise 1.
 */
export function weightedSoftmax(logits: Tensor3D, weights: Tensor2D, mask: Tensor2D): Tensor3D {
  return tf.tidy(() => {
    const masked = tf.add(logits, tf.mul(tf.sub(1, mask), minusInfinity).expandDims(1));
    const shares = tf.mul(tf.exp(tf.sub(masked, tf.max(masked, 2, true))), weights.expandDims(1));
    return tf.div(shares, tf.maximum(tf.sum(shares, 2, true), weightedSoftmaxEpsilon));
  });
}

/** Scales vectors along the last axis to length 1. */
export function unitLength<T extends Tensor>(vectors: T): T {
  return tf.tidy(() => {
    const squaredNorm = tf.sum(tf.square(vectors), -1, true);
    return tf.mul(vectors, tf.rsqrt(tf.add(squaredNorm, unitLengthEpsilon))) as T;
  });
}

/** Layer normalization (Ba et al., 2016) along the last axis of [B, L, D]: mean 0 and variance 1, then scale and shift [D]. */
export function layerNorm(values: Tensor3D, scale: Tensor, shift: Tensor): Tensor3D {
  return tf.tidy(() => {
    const centered = tf.sub(values, tf.mean(values, 2, true));
    const variance = tf.mean(tf.square(centered), 2, true);
    const normal = tf.mul(centered, tf.rsqrt(tf.add(variance, layerNormEpsilon)));
    return tf.add(tf.mul(normal, scale), shift);
  });
}

// The gradients of the following two functions are softmaxes. `tf.logSumExp` differentiates through maximum and exponentials.

/** ln Σ_c exp(x_rc) of each row of [R, C] → [R]. */
export const logSumExpRows = tf.customGrad((...[scores, save]: unknown[]) => {
  const rows = scores as Tensor2D;
  const most = tf.max(rows, 1, true);
  const terms = tf.exp(tf.sub(rows, most));
  const sums = tf.sum(terms, 1, true);
  (save as (tensors: Tensor[]) => void)([terms, sums]);
  return {
    value: tf.squeeze(tf.add(most, tf.log(sums)), [1]),
    gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(tf.div(dy.expandDims(1), saved[1]!), saved[0]!),
  };
}) as unknown as (scores: Tensor2D) => Tensor1D;

/** ln Σ_k exp(x_rkc) over the interests of [R, K, C] → [R, C]. */
export const logSumExpInterests = tf.customGrad((...[scores, save]: unknown[]) => {
  const all = scores as Tensor3D;
  const value = tf.logSumExp(all, 1);
  (save as (tensors: Tensor[]) => void)([all, value]);
  return {
    value,
    gradFunc: (dy: Tensor, saved: Tensor[]) =>
      tf.mul(tf.exp(tf.sub(saved[0]!, saved[1]!.expandDims(1))), dy.expandDims(1)),
  };
}) as unknown as (scores: Tensor3D) => Tensor2D;
