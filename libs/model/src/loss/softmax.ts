import { tf } from '@facet/tf-graph/tensorflow';
import type { Scalar, Tensor1D, Tensor2D } from '@facet/tf-graph/tensorflow';
import { logSumExp } from '../tower/math.ts';

/**
 * Softmax loss over all candidates (paper, Eq. 10 without sampling): −Σ_p w_p ln softmax(scores[row_p])[label_p].
 *
 * @param scores [R, C]
 * @param rows [P] the row of each label.
 * @param labels [P] the column of each label.
 * @param weights [P]
 */
export function fullSoftmaxLoss(scores: Tensor2D, rows: Tensor1D, labels: Tensor1D, weights: Tensor1D): Scalar {
  return tf.tidy(() => {
    const [, C] = scores.shape;
    const logPartition = logSumExp(scores); // [R]
    // In int32, because float32 has no odd numbers above 2^24.
    const flat = tf.add(tf.mul(rows, tf.scalar(C, 'int32')), labels) as Tensor1D;
    const logProbability = tf.sub(tf.gather(scores.flatten(), flat), tf.gather(logPartition, rows));
    return tf.neg(tf.sum(tf.mul(logProbability, weights))) as Scalar;
  });
}

/**
 * Sampled softmax loss with logQ correction (paper, Eq. 10): for each label i with negatives j shared by the batch,
 * −ln( exp(s_i − ln Q_i) / (exp(s_i − ln Q_i) + Σ_j exp(s_j − ln Q_j)) ), Q the expected count in the draw. The caller excludes
 * the labels of an example from its negatives, so that the sum is the same for all of them.
 *
 * @param labelScores [P] s_i − ln Q_i
 * @param logPartitions [P] ln Σ_j exp(s_j − ln Q_j)
 * @param weights [P]
 */
export function sampledSoftmaxLoss(labelScores: Tensor1D, logPartitions: Tensor1D, weights: Tensor1D): Scalar {
  // −ln(exp(p) / (exp(p) + Σ exp(n))) = ln(1 + exp(ln Σ exp(n) − p))
  return tf.tidy(() => tf.sum(tf.mul(tf.softplus(tf.sub(logPartitions, labelScores)), weights)) as Scalar);
}
