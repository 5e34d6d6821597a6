import { tf } from '../tf.ts';
import type { Scalar, Tensor1D } from '../tf.ts';

/**
 * Sampled softmax (paper, Eq. 10; notes on logQ): for each label i of an example with negatives j shared by the batch,
 * −ln( exp(s_i − ln Q_i) / (exp(s_i − ln Q_i) + Σ_j exp(s_j − ln Q_j)) ), Q the expected count in the draw. No label of an
 * example is among its negatives: the sum is the same for all of them.
 *
 * @param labelScores [P] s_i − ln Q_i @param logPartitions [P] ln Σ_j exp(s_j − ln Q_j) @param weights [P]
 */
export function sampledSoftmaxLoss(labelScores: Tensor1D, logPartitions: Tensor1D, weights: Tensor1D): Scalar {
  // −ln(exp(p) / (exp(p) + Σ exp(n))) = ln(1 + exp(ln Σ exp(n) − p))
  return tf.tidy(() => tf.sum(tf.mul(tf.softplus(tf.sub(logPartitions, labelScores)), weights)) as Scalar);
}
