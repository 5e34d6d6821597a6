import { tf } from '../tf.ts';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '../tf.ts';

/*
 * `tf.logSumExp` is differentiated through its maximum and its exponentials; the gradient is the softmax.
 */

/** ln Σ_c exp(x_rc) of each row [R, C] → [R]. */
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

/** ln Σ_k exp(x_rkc) of all interests [R, K, C] → [R, C]. */
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
