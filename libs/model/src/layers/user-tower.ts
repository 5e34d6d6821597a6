import { tf } from '../tf.ts';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '../tf.ts';
import type { ModelSpec } from '../config.ts';
import { profileTable, scalarScale } from '../weights.ts';
import { hiddenLayers } from './hidden-layers.ts';
import { unitLength } from './unit-length.ts';
import { routeBehaviors } from './routing.ts';

/** A batch of users as tensors. Padding is 0 in all of them and lies before the behaviors. */
export interface UserBatch {
  /** [B, L] item indexes and age buckets of the behaviors. */
  readonly behaviors: Tensor2D;
  readonly ages: Tensor2D;
  /** [B, L] 1 for a behavior, 0 for padding. */
  readonly mask: Tensor2D;
  /** [B, K] 1 for an active interest. */
  readonly active: Tensor2D;
  /** One [B] of table rows for each user feature. */
  readonly profile: readonly Tensor1D[];
  /** [B, K, L] or [1, K, L] routing logits. */
  readonly logits: Tensor3D;
  /** [B, L, D] factors of the behavior inputs in training (dropout). */
  readonly inputNoise?: Tensor3D;
}

/**
 * f_user(I_u, P_u) = V_u (paper, Eq. 1): behaviors → interest capsules by routing → H-layers with the profile →
 * interests [B, K, D], zero where inactive.
 *
 * @param itemEmbeddings E [N + 1, D]
 */
export function userTower(
  variables: Readonly<Record<string, Variable>>,
  spec: ModelSpec,
  itemEmbeddings: Tensor2D,
  batch: UserBatch,
): Tensor3D {
  const { config } = spec;
  const [B, L] = batch.behaviors.shape;
  const [D, K] = [config.embeddingDim, config.interests];
  return tf.tidy(() => {
    let inputs: Tensor = tf.gather(itemEmbeddings, batch.behaviors.flatten()); // [B · L, D]
    let weights: Tensor2D = batch.mask; // [B, L]
    if (config.recency) {
      const age = tf.gather(variables['behavior/age']!, batch.ages.flatten());
      inputs = tf.mul(tf.add(inputs, age), batch.mask.reshape([B * L, 1]));
      weights = tf.mul(tf.exp(recencyLogits(variables, batch, 'behavior/ageWeight')), batch.mask);
    }
    if (batch.inputNoise !== undefined) inputs = tf.mul(inputs, batch.inputNoise.reshape([B * L, D]));
    const projected = tf.matMul(inputs as Tensor2D, variables['routing/S'] as unknown as Tensor2D, false, true);
    const capsules = routeBehaviors({
      projected: projected.reshape([B, L, D]),
      behaviorWeights: weights,
      logits: batch.logits,
      active: batch.active,
      iterations: config.routing.iterations,
      cosineAgreement: config.routing.cosineAgreement,
      gradient: config.routing.gradient,
    });

    const parts: Tensor3D[] = [capsules];
    let shortcut: Tensor3D = capsules;
    if (config.context) {
      const context = contextVector(variables, spec, inputs.reshape([B, L, D]), batch); // [B, 1, D]
      parts.push(tf.tile(context, [1, K, 1]));
      shortcut = tf.add(capsules, context);
    }
    spec.userFeatures.forEach((feature, position) => {
      const rows = tf.gather(variables[profileTable(feature.name)]!, batch.profile[position]!); // [B, P]
      parts.push(tf.tile(rows.expandDims(1), [1, K, 1]) as Tensor3D);
    });
    const hiddenInput = tf.concat(parts, 2);
    let interests = hiddenLayers(hiddenInput.reshape([B * K, -1]), variables, config).reshape([B, K, D]) as Tensor3D;
    if (config.residual) interests = tf.add(interests, shortcut);
    if (config.normalize) interests = unitLength(interests);
    // The biases of the H-layers make inactive capsules non-zero: mask again.
    return tf.mul(interests, batch.active.expandDims(2));
  });
}

/** [B, L] logarithms of the behaviors' recency weights: a learned scalar of the age. */
function recencyLogits(variables: Readonly<Record<string, Variable>>, batch: UserBatch, ageTable: string): Tensor2D {
  return tf.mul(tf.gather(variables[ageTable]!, batch.ages.flatten()), scalarScale).reshape(batch.ages.shape);
}

/** [B, 1, D] mean of the behaviors under a softmax of their recency. */
function contextVector(
  variables: Readonly<Record<string, Variable>>,
  spec: ModelSpec,
  inputs: Tensor,
  batch: UserBatch,
): Tensor3D {
  const padding = tf.mul(tf.sub(1, batch.mask), -1e9);
  const logits = spec.config.recency
    ? tf.add(recencyLogits(variables, batch, 'context/ageWeight'), padding)
    : (padding as Tensor2D);
  return tf.matMul(tf.softmax(logits).expandDims(1), inputs) as Tensor3D;
}
