import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import { minusInfinity } from '../epsilon.ts';

/** Keeps |s|^p differentiable at zero. */
const epsilon = 1e-9;

/**
 * Label-aware attention (paper, §4.4, Eq. 9): v_u = V_u softmax(pow(V_uᵀ e_i, p)) → [P, D].
 *
 * The power keeps the sign, so that a strongly negative interest never wins. p = 0 gives all interests the same weight;
 * `infinity` selects the nearest one. Inactive interests have weight 0.
 *
 * @param interests [P, K, D]
 * @param labels [P, D]
 * @param active [P, K] of 0 and 1.
 */
export function labelAwareAttention(
  interests: Tensor3D,
  labels: Tensor2D,
  active: Tensor2D,
  power: number | 'infinity',
): Tensor2D {
  return tf.tidy(() => {
    const agreement = tf.squeeze(tf.matMul(interests, labels.expandDims(2)), [2]) as Tensor2D; // [P, K]
    const penalty = tf.mul(tf.sub(1, active), minusInfinity);
    const weights = attentionWeights(agreement, penalty as Tensor2D, power);
    return tf.squeeze(tf.matMul(weights.expandDims(1), interests), [1]) as Tensor2D;
  });
}

function attentionWeights(agreement: Tensor2D, penalty: Tensor2D, power: number | 'infinity'): Tensor2D {
  // `oneHot` needs a depth of two. A single interest has the whole weight.
  if (power === 'infinity' && agreement.shape[1] > 1) {
    const nearest = tf.argMax(tf.add(agreement, penalty), 1);
    return tf.oneHot(nearest, agreement.shape[1]).toFloat() as Tensor2D;
  }
  const logits = power === 0 || power === 'infinity' ? tf.zerosLike(agreement) : signedPower(agreement, power);
  return tf.softmax(tf.add(logits, penalty)) as Tensor2D;
}

/** sign(s)·|s|^p. */
function signedPower(values: Tensor2D, power: number): Tensor2D {
  if (power === 1) return values;
  return tf.mul(tf.sign(values), tf.pow(tf.add(tf.abs(values), epsilon), power));
}
