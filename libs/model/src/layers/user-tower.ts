import { tf } from '../tf.ts';
import type { Tensor, Tensor2D, Tensor3D, Variable } from '../tf.ts';
import { minusInfinity } from '../epsilon.ts';
import type { ModelSpec } from '../config.ts';
import { profileTable, scalarScale } from '../weights.ts';
import { extractCapsules } from './extractors/extract-capsules.ts';
import { interestLayers } from './interest-layers.ts';
import { unitLength } from './unit-length.ts';
import type { UserBatch } from './user-batch.ts';

/**
 * f_user(I_u, P_u) = V_u (paper, Eq. 1): behaviors → capsules by the extractor → layers with the profile → interests
 * [B, K, D], zero where inactive.
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
  const D = config.embeddingDim;
  return tf.tidy(() => {
    let inputs: Tensor = tf.gather(itemEmbeddings, batch.behaviors.flatten()); // [B · L, D]
    let weights: Tensor2D = batch.mask; // [B, L]
    if (config.recency) {
      const age = tf.gather(variables['behavior/age']!, batch.ages.flatten());
      inputs = tf.mul(tf.add(inputs, age), batch.mask.reshape([B * L, 1]));
      weights = tf.mul(tf.exp(recencyLogits(variables, batch, 'behavior/ageWeight')), batch.mask);
    }
    if (batch.inputNoise !== undefined) inputs = tf.mul(inputs, batch.inputNoise.reshape([B * L, D]));
    const behaviors = inputs.reshape([B, L, D]) as Tensor3D;
    const capsules = extractCapsules(variables, config, { behaviors, weights, users: batch });
    const context = config.context ? contextVector(variables, spec, behaviors, batch) : undefined; // [B, 1, D]
    const profile = profileVector(variables, spec, batch);

    let interests = interestLayers(variables, config, { capsules, context, profile });
    if (config.residual) interests = tf.add(interests, context === undefined ? capsules : tf.add(capsules, context));
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
  behaviors: Tensor3D,
  batch: UserBatch,
): Tensor3D {
  const padding = tf.mul(tf.sub(1, batch.mask), minusInfinity);
  const logits = spec.config.recency
    ? tf.add(recencyLogits(variables, batch, 'context/ageWeight'), padding)
    : (padding as Tensor2D);
  return tf.matMul(tf.softmax(logits).expandDims(1), behaviors) as Tensor3D;
}

/** p_u [B, 1, P] (paper, §4.1): the embeddings of the user's features beside each other; undefined without features. */
function profileVector(
  variables: Readonly<Record<string, Variable>>,
  { userFeatures }: ModelSpec,
  { profile }: UserBatch,
): Tensor3D | undefined {
  if (userFeatures.length === 0) return undefined;
  const parts = userFeatures.map(({ name }, position) => tf.gather(variables[profileTable(name)]!, profile[position]!));
  return tf.concat(parts, 1).expandDims(1) as Tensor3D;
}
