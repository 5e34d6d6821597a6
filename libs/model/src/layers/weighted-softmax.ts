import { tf } from '../tf.ts';
import type { Tensor2D, Tensor3D } from '../tf.ts';
import { minusInfinity, weightedSoftmaxEpsilon } from '../epsilon.ts';

/**
 * w_i exp(l_i) / Σ_j w_j exp(l_j) over the behaviors, the last axis; padding has no part, and where nothing else is all are zero.
 *
 * @param logits [B, K, L] @param weights [B, L], 0 for padding @param mask [B, L], 0 for padding and 1 otherwise
 */
export function weightedSoftmax(logits: Tensor3D, weights: Tensor2D, mask: Tensor2D): Tensor3D {
  return tf.tidy(() => {
    const masked = tf.add(logits, tf.mul(tf.sub(1, mask), minusInfinity).expandDims(1));
    const shares = tf.mul(tf.exp(tf.sub(masked, tf.max(masked, 2, true))), weights.expandDims(1));
    return tf.div(shares, tf.maximum(tf.sum(shares, 2, true), weightedSoftmaxEpsilon));
  });
}
