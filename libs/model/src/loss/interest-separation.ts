import { tf } from '../tf.ts';
import type { Scalar, Tensor2D, Tensor3D } from '../tf.ts';
import { unitLength } from '../layers/unit-length.ts';

/** Interests of a user may be as alike as this for nothing. */
const freeCosine = 0.5;

/**
 * Mean over the pairs of active interests of the same user of max(0, cos(v_j, v_k) − ½)²: what it costs that interests are alike.
 * A loss over all interests is met nearly as well when they are copies of each other; this tells them apart without touching
 * those that differ.
 *
 * @param interests [B, K, D] @param active [B, K]
 */
export function interestSeparation(interests: Tensor3D, active: Tensor2D): Scalar {
  return tf.tidy(() => {
    const K = active.shape[1];
    const unit = unitLength(interests);
    const cosines = tf.matMul(unit, unit, false, true); // [B, K, K]
    const others = tf.sub(1, tf.eye(K));
    const pairs = tf.mul(tf.mul(active.expandDims(2), active.expandDims(1)), others);
    const excess = tf.mul(tf.square(tf.relu(tf.sub(cosines, freeCosine))), pairs);
    return tf.div(tf.sum(excess), tf.maximum(tf.sum(pairs), 1)) as Scalar;
  });
}
