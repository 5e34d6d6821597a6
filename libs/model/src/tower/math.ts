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
  return tf.tidy(() => tf.add(tf.mul(standardize(values), scale), shift));
}

/** Scales vectors along the last axis to mean 0 and variance 1. */
const standardize = tf.customGrad((...[input, save]: unknown[]) => {
  const values = input as Tensor3D;
  const centered = tf.sub(values, tf.mean(values, 2, true));
  const factor = tf.rsqrt(tf.add(tf.mean(tf.square(centered), 2, true), layerNormEpsilon));
  const normal = tf.mul(centered, factor);
  (save as (tensors: Tensor[]) => void)([normal, factor]);
  return {
    value: normal,
    // The part of dy that changes neither mean nor variance, times the factor.
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [n, f] = saved as [Tensor, Tensor];
      const along = tf.mul(n, tf.mean(tf.mul(dy, n), 2, true));
      return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, 2, true)), along), f);
    },
  };
}) as unknown as (values: Tensor3D) => Tensor3D;

/**
 * ln Σ exp(x) along axis 1: [R, C] → [R], [R, K, C] → [R, C]. Its gradient is a softmax. `tf.logSumExp` differentiates through maximum
 * and exponentials, and keeps its input, which then needs a second large array.
 */
export const logSumExp = tf.customGrad((...[scores, save]: unknown[]) => {
  const all = scores as Tensor;
  const most = tf.max(all, 1, true);
  const terms = tf.exp(tf.sub(all, most));
  const sums = tf.sum(terms, 1, true);
  (save as (tensors: Tensor[]) => void)([terms, sums]);
  return {
    value: tf.squeeze(tf.add(most, tf.log(sums)), [1]),
    gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(saved[0]!, tf.div(dy.expandDims(1), saved[1]!)),
  };
}) as unknown as { (scores: Tensor2D): Tensor1D; (scores: Tensor3D): Tensor2D };
