import { tf } from '../tf.ts';
import type { Tensor2D, Tensor3D, Tensor4D } from '../tf.ts';
import { minusInfinity } from '../epsilon.ts';
import { squash } from './squash.ts';
import { unitLength } from './unit-length.ts';

export interface RoutingInput {
  /** [B, L, D] behaviors through a shared map, rows S·e_i; or [B, K, L, D] through one for each interest, rows S_j·e_i. */
  readonly projected: Tensor3D | Tensor4D;
  /** [B, L] weight of each behavior in every capsule: 0 for padding, 1 in the paper, its recency weight otherwise. */
  readonly behaviorWeights: Tensor2D;
  /** [B, K, L] or [1, K, L] initial logits b_ij ~ N(0, σ²). */
  readonly logits: Tensor3D;
  /** [B, K] 1 for an active interest, 0 for one beyond K'u. */
  readonly active: Tensor2D;
  readonly iterations: number;
  /** 0: agreement is the inner product u_jᵀ S·e_i (Eq. 5). c > 0: c · cos(u_j, S·e_i), not in the paper. */
  readonly cosineAgreement: number;
  /** `last`: all iterations but the last work on detached inputs and only fix the routing weights. */
  readonly gradient: 'last' | 'all';
}

/**
 * Behavior-to-interest dynamic routing (paper, §4.2, Algorithm 1) → interest capsules [B, K, D].
 *
 * Each iteration: w_ij = softmax over the **interests** j of b_ij; z_j = Σ_i w_ij S·e_i (Eq. 6); u_j = squash(z_j)
 * (Eq. 7); b_ij += u_jᵀ S·e_i (Eq. 5). Inactive interests take no part in the softmax, padding none in the sum.
 */
export function routeBehaviors(input: RoutingInput): Tensor3D {
  return tf.tidy(() => {
    const inactivePenalty = tf.mul(tf.sub(1, input.active), minusInfinity).expandDims(2); // [B, K, 1]
    const weightRow = input.behaviorWeights.expandDims(1); // [B, 1, L]
    const detached = input.gradient === 'last' ? detach(input.projected) : input.projected;
    const detachedRow = input.gradient === 'last' ? detach(weightRow) : weightRow;
    let logits = tf.add(input.logits, inactivePenalty) as Tensor3D; // [B, K, L]
    let capsules: Tensor3D | undefined;
    for (let iteration = 0; iteration < input.iterations; iteration++) {
      const isLast = iteration === input.iterations - 1;
      const behaviors = isLast ? input.projected : detached;
      const weights = tf.mul(softmaxOverInterests(logits), isLast ? weightRow : detachedRow) as Tensor3D; // [B, K, L]
      capsules = squash(sumBehaviors(weights, behaviors)); // [B, K, D]
      if (!isLast) logits = tf.add(logits, agreement(capsules, behaviors, input.cosineAgreement)) as Tensor3D;
    }
    return capsules!;
  });
}

/** The behaviors under the weights [B, K, L] of each interest → [B, K, D]. */
function sumBehaviors(weights: Tensor3D, behaviors: Tensor3D | Tensor4D): Tensor3D {
  if (behaviors.rank === 3) return tf.matMul(weights, behaviors) as Tensor3D;
  const [B, K, L, D] = behaviors.shape as Tensor4D['shape'];
  return tf.matMul(weights.reshape([B * K, 1, L]), behaviors.reshape([B * K, L, D])).reshape([B, K, D]);
}

/** How much each capsule [B, K, D] and behavior, as the capsule sees it, agree → [B, K, L]. */
function agreement(capsules: Tensor3D, behaviors: Tensor3D | Tensor4D, cosineAgreement: number): Tensor3D {
  if (cosineAgreement === 0) return innerProducts(capsules, behaviors);
  return tf.mul(innerProducts(unitLength(capsules), unitLength(behaviors)), cosineAgreement);
}

function innerProducts(capsules: Tensor3D, behaviors: Tensor3D | Tensor4D): Tensor3D {
  if (behaviors.rank === 3) return tf.matMul(capsules, behaviors, false, true) as Tensor3D;
  const [B, K, L, D] = behaviors.shape as Tensor4D['shape'];
  const ofEach = tf.matMul(capsules.reshape([B * K, 1, D]), behaviors.reshape([B * K, L, D]), false, true);
  return ofEach.reshape([B, K, L]);
}

/** Softmax over axis 1 of [B, K, L]. */
function softmaxOverInterests(logits: Tensor3D): Tensor3D {
  const shifted = tf.exp(tf.sub(logits, tf.max(logits, 1, true)));
  return tf.div(shifted, tf.sum(shifted, 1, true));
}

/** The same values as a constant: no gradient flows back. */
const detach = tf.customGrad((value) => {
  const tensor = value as Tensor3D;
  return { value: tensor.clone(), gradFunc: () => tf.zerosLike(tensor) };
}) as <T>(value: T) => T;
