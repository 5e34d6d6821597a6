import { tf } from '../tf.ts';
import type { Scalar, Tensor1D, Tensor2D } from '../tf.ts';
import { logSumExpRows } from '../layers/log-sum-exp.ts';

/**
 * Sampled softmax (paper, Eq. 10; notes on logQ): for each label i with negatives j shared by the batch,
 * −ln( exp(s_i − ln Q_i) / (exp(s_i − ln Q_i) + Σ_{j ≠ i} exp(s_j − ln Q_j)) ), Q the expected count in the draw.
 * A negative that is the label itself (an accidental hit) is left out.
 *
 * @param labelScores [P] @param negativeScores [P, C] @param logExpectedLabels [P] @param logExpectedNegatives [C]
 * @param labels [P] @param negatives [C] item indexes @param weights [P]
 */
export function sampledSoftmaxLoss(input: {
  labelScores: Tensor1D;
  negativeScores: Tensor2D;
  logExpectedLabels: Tensor1D;
  logExpectedNegatives: Tensor1D;
  labels: Tensor1D;
  negatives: Tensor1D;
  weights: Tensor1D;
}): Scalar {
  return tf.tidy(() => {
    const accidental = tf.equal(input.labels.expandDims(1), input.negatives.expandDims(0)).toFloat(); // [P, C]
    const positive = tf.sub(input.labelScores, input.logExpectedLabels);
    const negative = tf.add(tf.sub(input.negativeScores, input.logExpectedNegatives), tf.mul(accidental, -1e9));
    // −ln(exp(p) / (exp(p) + Σ exp(n))) = ln(1 + exp(ln Σ exp(n) − p))
    const losses = tf.softplus(tf.sub(logSumExpRows(negative as Tensor2D), positive));
    return tf.sum(tf.mul(losses, input.weights)) as Scalar;
  });
}
