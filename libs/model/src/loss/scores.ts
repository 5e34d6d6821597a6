import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor1D, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import { minusInfinity } from '../epsilon.ts';
import type { ModelConfig } from '../config.ts';
import { logSumExp } from '../tower/math.ts';

type InterestReadout = Exclude<ModelConfig['readout']['kind'], 'label-aware'>;

/**
 * Returns one score per user and candidate [R, C]: the maximum over active interests of v_kᵀ e (f_score of the paper,
 * Eq. 3) or its smooth form ln mean_k exp(v_kᵀ e).
 *
 * @param interests [R, K, D]
 * @param active [R, K]
 * @param candidates [C, D]
 */
export function scoreCandidates(
  interests: Tensor3D,
  active: Tensor2D,
  candidates: Tensor2D,
  readout: InterestReadout,
): Tensor2D {
  return tf.tidy(() => {
    const [R, K, D] = interests.shape;
    const C = candidates.shape[0];
    const scores = tf.matMul(interests.reshape([R * K, D]) as Tensor2D, tf.transpose(candidates)).reshape([R, K, C]);
    return readInterests(scores as Tensor3D, active, readout);
  });
}

/**
 * Returns the score of one item per row [P].
 *
 * @param interests [P, K, D]
 * @param active [P, K]
 * @param items [P, D]
 */
export function scorePairs(interests: Tensor3D, active: Tensor2D, items: Tensor2D, readout: InterestReadout): Tensor1D {
  return tf.tidy(() => {
    const scores = tf.matMul(interests, items.expandDims(2)) as Tensor3D; // [P, K, 1]
    return tf.squeeze(readInterests(scores, active, readout), [1]) as Tensor1D;
  });
}

/** Reduces scores [R, K, C] over the active interests to [R, C]. */
function readInterests(scores: Tensor3D, active: Tensor2D, readout: InterestReadout): Tensor2D {
  const masked = tf.add(scores, tf.mul(tf.sub(1, active), minusInfinity).expandDims(2));
  if (readout === 'max') return tf.max(masked, 1) as Tensor2D;
  const count = tf.maximum(tf.sum(active, 1, true), 1);
  return tf.sub(logSumExp(masked as Tensor3D), tf.log(count));
}
