import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@facet/tf-graph/tensorflow';
import type { UserBatch } from '../batch.ts';
import type { ExtractorConfig } from '../config.ts';
import { minusInfinity, squashEpsilon } from '../epsilon.ts';
import { ofSlots } from './extractor.ts';
import type { Extractor } from './extractor.ts';
import { unitLength, weightedSoftmax } from './math.ts';
import { seededNormal } from './seeded-random.ts';

/** Multi-interest extractor of the paper (§4.2): bilinear map and dynamic routing. ComiRec-DR has a map per position and interest. */
export const extractByRouting: Extractor<'routing'> = (
  weights,
  config,
  { behaviors, weights: behaviorWeights, users },
) => {
  const [B, L] = behaviors.shape;
  const K = users.active.shape[1];
  const seed = users.seeds?.logits;
  return routeBehaviors({
    projected: project(behaviors, weights['routing/S']!, config.map, users),
    behaviorWeights,
    softmaxMask: config.softmaxOver === 'behaviors' ? users.mask : undefined,
    logits:
      seed === undefined
        ? (ofSlots(weights['routing/logits']!, users, 1).reshape([1, K, L]) as Tensor3D)
        : drawLogits([B, K, L], config.sigma, seed),
    active: users.active,
    iterations: config.iterations,
    cosineAgreement: config.cosineAgreement,
    gradient: config.gradient,
  });
};

/** Draws routing logits b_ij ~ N(0, σ²). */
function drawLogits(shape: readonly number[], sigma: number, seed: Tensor1D): Tensor3D {
  return tf.mul(seededNormal(shape, seed), sigma) as Tensor3D;
}

/**
 * Applies the bilinear maps to behaviors [B, L, D]. Returns rows S·e_i [B, L, D] for a shared map [D, D], otherwise rows
 * [B, K, L, D] for each interest.
 */
function project(
  behaviors: Tensor3D,
  maps: Tensor,
  kind: ExtractorConfig<'routing'>['map'],
  users: UserBatch,
): Tensor3D | Tensor4D {
  const [B, L, D] = behaviors.shape;
  const K = users.active.shape[1];
  if (kind === 'per-position') {
    const ofPlaces = ofSlots(maps, users) as Tensor3D;
    const byPosition = tf.matMul(tf.transpose(behaviors, [1, 0, 2]), ofPlaces, false, true); // [L, B, K · D]
    return tf.transpose(byPosition.reshape([L, B, K, D]), [1, 2, 0, 3]) as Tensor4D;
  }
  const projected = tf.matMul(behaviors.reshape([B * L, D]) as Tensor2D, maps, false, true);
  if (kind === 'shared') return projected.reshape([B, L, D]) as Tensor3D;
  if (kind === 'shared-repeated') {
    const repeated = tf.mul(projected.reshape([B, L, D, 1]), tf.ones([1, 1, 1, K]));
    return tf.transpose(repeated.reshape([B, L, K, D]), [0, 2, 1, 3]) as Tensor4D;
  }
  return tf.transpose(projected.reshape([B, L, K, D]), [0, 2, 1, 3]) as Tensor4D;
}

export interface RoutingInput {
  /** [B, L, D] rows S·e_i of a shared map, or [B, K, L, D] rows S_j·e_i of a map per interest. */
  readonly projected: Tensor3D | Tensor4D;
  /** [B, L] weight of each behavior in every capsule: 0 for padding, otherwise 1 in the paper or its recency weight. */
  readonly behaviorWeights: Tensor2D;
  /** [B, L] 1 for a behavior, 0 for padding: the softmax runs over the behaviors of an interest. Without it, over the interests. */
  readonly softmaxMask?: Tensor2D | undefined;
  /** [B, K, L] or [1, K, L] initial logits b_ij ~ N(0, σ²). */
  readonly logits: Tensor3D;
  /** [B, K] 1 for an active interest, 0 for one beyond K'u. */
  readonly active: Tensor2D;
  readonly iterations: number;
  /** 0: agreement is the inner product u_jᵀ S·e_i (Eq. 5). c > 0: c · cos(u_j, S·e_i), not in the paper. */
  readonly cosineAgreement: number;
  /** `last`: all iterations but the last use detached inputs and only determine the routing weights. */
  readonly gradient: 'last' | 'all';
}

/**
 * Behavior-to-interest (B2I) dynamic routing (paper, §4.2, Algorithm 1). Returns the interest capsules [B, K, D].
 *
 * Each iteration: w_ij = softmax over the **interests** j of b_ij; z_j = Σ_i w_ij S·e_i (Eq. 6); u_j = squash(z_j)
 * (Eq. 7); b_ij += u_jᵀ S·e_i (Eq. 5). The softmax excludes inactive interests, the sum excludes padding.
 */
export function routeBehaviors(input: RoutingInput): Tensor3D {
  return tf.tidy(() => {
    const inactivePenalty = tf.mul(tf.sub(1, input.active), minusInfinity).expandDims(2); // [B, K, 1]
    const weightRow = input.behaviorWeights.expandDims(1); // [B, 1, L]
    const detached = input.gradient === 'last' ? detach(input.projected) : input.projected;
    const detachedRow = input.gradient === 'last' ? detach(weightRow) : weightRow;
    const mask = input.softmaxMask;
    const sharesOf = (logits: Tensor3D, ofBehaviors: Tensor): Tensor3D =>
      mask === undefined
        ? tf.mul(softmaxOverInterests(logits), ofBehaviors)
        : weightedSoftmax(logits, tf.squeeze(ofBehaviors, [1]), mask);
    let logits = tf.add(input.logits, inactivePenalty) as Tensor3D; // [B, K, L]
    let capsules: Tensor3D | undefined;
    for (let iteration = 0; iteration < input.iterations; iteration++) {
      const isLast = iteration === input.iterations - 1;
      const behaviors = isLast ? input.projected : detached;
      const weights = sharesOf(logits, isLast ? weightRow : detachedRow); // [B, K, L]
      capsules = squash(sumBehaviors(weights, behaviors)); // [B, K, D]
      if (!isLast) logits = tf.add(logits, agreement(capsules, behaviors, input.cosineAgreement)) as Tensor3D;
    }
    return capsules!;
  });
}

// Products of behaviors with a few capsules put the behaviors first. A product takes more than twice the time if its second matrix is
// large and transposed. The gradient of a sum of behaviors is such a product.

/** Returns the weighted sums of the behaviors, one per interest [B, K, D]. @param weights [B, K, L] */
function sumBehaviors(weights: Tensor3D, behaviors: Tensor3D | Tensor4D): Tensor3D {
  if (behaviors.rank === 3) return tf.matMul(tf.transpose(weights, [0, 2, 1]), behaviors, true) as Tensor3D;
  const [B, K, L, D] = behaviors.shape as Tensor4D['shape'];
  return tf.matMul(weights.reshape([B * K, 1, L]), behaviors.reshape([B * K, L, D])).reshape([B, K, D]);
}

/** Returns the agreement of each capsule [B, K, D] with each projected behavior [B, K, L]. */
function agreement(capsules: Tensor3D, behaviors: Tensor3D | Tensor4D, cosineAgreement: number): Tensor3D {
  if (cosineAgreement === 0) return innerProducts(capsules, behaviors);
  return tf.mul(innerProducts(unitLength(capsules), unitLength(behaviors)), cosineAgreement);
}

function innerProducts(capsules: Tensor3D, behaviors: Tensor3D | Tensor4D): Tensor3D {
  if (behaviors.rank === 3) return tf.transpose(tf.matMul(behaviors, capsules, false, true), [0, 2, 1]) as Tensor3D;
  const [B, K, L, D] = behaviors.shape as Tensor4D['shape'];
  const ofEach = tf.matMul(capsules.reshape([B * K, 1, D]), behaviors.reshape([B * K, L, D]), false, true);
  return ofEach.reshape([B, K, L]);
}

/** Softmax over axis 1 of [B, K, L]. */
function softmaxOverInterests(logits: Tensor3D): Tensor3D {
  const shifted = tf.exp(tf.sub(logits, tf.max(logits, 1, true)));
  return tf.div(shifted, tf.sum(shifted, 1, true));
}

/** Returns the same values as a constant: no gradient flows back. */
const detach = tf.customGrad((value) => {
  const tensor = value as Tensor3D;
  return { value: tensor.clone(), gradFunc: () => tf.zerosLike(tensor) };
}) as <T>(value: T) => T;

/**
 * squash(z) = ‖z‖² / (1 + ‖z‖²) · z / ‖z‖ along the last axis (paper, Eq. 7): keeps the direction and maps the norm m
 * to m² / (1 + m²) < 1.
 */
export const squash = tf.customGrad((...[input, save]: unknown[]) => {
  const capsules = input as Tensor;
  const squaredNorm = tf.sum(tf.square(capsules), -1, true);
  const root = tf.sqrt(tf.add(squaredNorm, squashEpsilon));
  const factor = tf.div(root, tf.add(squaredNorm, 1)); // f(s), s = ‖z‖²
  (save as (tensors: Tensor[]) => void)([capsules, squaredNorm, root, factor]);
  return {
    value: tf.mul(capsules, factor),
    // f(s) dy + 2 f′(s) (dy · z) z with f′ = f / (2 (s + ε)) − f / (1 + s)
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [z, s, r, f] = saved as [Tensor, Tensor, Tensor, Tensor];
      const slope = tf.mul(f, tf.sub(tf.div(0.5, tf.square(r)), tf.div(1, tf.add(s, 1))));
      const along = tf.mul(tf.sum(tf.mul(dy, z), -1, true), tf.mul(slope, 2));
      return tf.add(tf.mul(dy, f), tf.mul(z, along));
    },
  };
}) as unknown as <T extends Tensor>(capsules: T) => T;
