import { tf } from '../tf.ts';
import type { Scalar, Tensor1D, Tensor2D } from '../tf.ts';
import { logSumExpRows } from '../layers/log-sum-exp.ts';

/**
 * −Σ_p w_p ln softmax(scores[row_p])[label_p] over all candidates (paper, Eq. 10 without sampling).
 *
 * @param scores [R, C] @param rows [P] the row of each label @param labels [P] its column @param weights [P]
 */
export function fullSoftmaxLoss(scores: Tensor2D, rows: Tensor1D, labels: Tensor1D, weights: Tensor1D): Scalar {
  return tf.tidy(() => {
    const [, C] = scores.shape;
    const logPartition = logSumExpRows(scores); // [R]
    const flat = tf.add(tf.mul(rows, C), labels).toInt();
    const logProbability = tf.sub(tf.gather(scores.flatten(), flat), tf.gather(logPartition, rows));
    return tf.neg(tf.sum(tf.mul(logProbability, weights))) as Scalar;
  });
}
