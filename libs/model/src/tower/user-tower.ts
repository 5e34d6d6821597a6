import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import type { UserBatch, WeightTensors } from '../batch.ts';
import type { ModelConfig, ModelSpec } from '../config.ts';
import { minusInfinity } from '../epsilon.ts';
import { contextBlocks, userFeatureTable, scalarScale } from '../weights.ts';
import { extractCapsules } from './extract-capsules.ts';
import type { ExtractorInput } from './extractor.ts';
import { unitLength } from './math.ts';
import { dropoutFactors } from './seeded-random.ts';
import { extractByTransformer } from './transformer.ts';

/**
 * The user tower f_user(I_u, P_u) = V_u (paper, Eq. 1): embedding of the behaviors → multi-interest extractor → H-layers with
 * the user features. Returns the interests [B, K, D], zero where inactive.
 *
 * @param items E [N + 1, D] from `itemTower`.
 */
export function userTower(
  weights: WeightTensors,
  { config, userFeatures }: ModelSpec,
  items: Tensor2D,
  users: UserBatch,
): Tensor3D {
  const [B, L] = users.behaviors.shape;
  const D = config.embeddingDim;
  return tf.tidy(() => {
    let inputs: Tensor = tf.gather(items, users.behaviors.flatten()); // [B · L, D]
    let behaviorWeights: Tensor2D = users.mask; // [B, L]
    if (config.recency) {
      const age = tf.gather(weights['behavior/age']!, users.ages.flatten());
      inputs = tf.mul(tf.add(inputs, age), users.mask.reshape([B * L, 1]));
      behaviorWeights = tf.mul(tf.exp(recencyLogits(weights, users, 'behavior/ageWeight')), users.mask);
    }
    if (users.seeds?.dropout !== undefined) {
      const factors = dropoutFactors([B, L, D], config.dropout, users.seeds.dropout);
      inputs = tf.mul(inputs, factors.reshape([B * L, D]));
    }
    const behaviors = inputs.reshape([B, L, D]) as Tensor3D;
    const input = { behaviors, weights: behaviorWeights, users };
    const capsules = extractCapsules(weights, config, input);
    const context = config.context === 'none' ? undefined : contextVector(weights, config, input);
    const featureVector = userFeatures.length === 0 ? undefined : userFeatureVector(weights, userFeatures, users);

    let interests = interestLayers(weights, config, { capsules, context, featureVector });
    if (config.residual) interests = tf.add(interests, capsules);
    if (config.normalize) interests = unitLength(interests);
    // The biases of the H-layers make inactive capsules non-zero.
    return tf.mul(interests, users.active.expandDims(2));
  });
}

/** Returns the logarithms of the recency weights of the behaviors [B, L]: a learned scalar per age bucket. */
function recencyLogits(weights: WeightTensors, { ages }: UserBatch, table: string): Tensor2D {
  return tf.mul(tf.gather(weights[table]!, ages.flatten()), scalarScale).reshape(ages.shape);
}

/** Returns the mean of the behaviors under a softmax of their recency, plus the attention of the newest behavior [B, 1, D]. */
function contextVector(
  weights: WeightTensors,
  { recency, context, dropout }: ModelConfig,
  input: ExtractorInput,
): Tensor3D {
  const { behaviors, users } = input;
  const padding = tf.mul(tf.sub(1, users.mask), minusInfinity) as Tensor2D;
  const logits = recency ? tf.add(recencyLogits(weights, users, 'context/ageWeight'), padding) : padding;
  const mean = tf.matMul(tf.softmax(logits).expandDims(1), behaviors) as Tensor3D;
  if (context === 'mean') return mean;
  const attention = extractByTransformer(weights, { kind: 'transformer', blocks: contextBlocks, dropout }, input);
  return tf.add(mean, attention) as Tensor3D;
}

/** Returns p_u [B, 1, P]: the concatenated embeddings of the user features (the user profile of the paper, §4.1). */
function userFeatureVector(
  weights: WeightTensors,
  userFeatures: ModelSpec['userFeatures'],
  { userFeatures: rows }: UserBatch,
): Tensor3D {
  const parts = userFeatures.map(({ name }, position) => tf.gather(weights[userFeatureTable(name)]!, rows[position]!));
  return tf.concat(parts, 1).expandDims(1) as Tensor3D;
}

interface LayerInput {
  /** [B, K, D] */
  readonly capsules: Tensor3D;
  /** [B, 1, D], the same for all capsules of a user. */
  readonly context: Tensor3D | undefined;
  /** [B, 1, P], the same for all capsules of a user. */
  readonly featureVector: Tensor3D | undefined;
}

/** Returns the interests [B, K, D] that the model's `layers` make of capsules, context and user features. */
function interestLayers(
  weights: WeightTensors,
  config: ModelConfig,
  { capsules, context, featureVector }: LayerInput,
): Tensor3D {
  const [B, K, D] = capsules.shape;
  if (config.layers === 'hidden') {
    const shared = [context, featureVector].filter((part) => part !== undefined);
    const parts = [capsules, ...shared.map((part) => tf.tile(part, [1, K, 1]))];
    const output = hiddenLayers(tf.concat(parts, 2).reshape([B * K, -1]), weights, config);
    return output.reshape([B, K, D]) as Tensor3D;
  }
  let interests = capsules;
  if (featureVector !== undefined) {
    const map = weights['profileMap/kernel'] as Tensor2D;
    interests = tf.add(interests, tf.matMul(featureVector.reshape([B, -1]) as Tensor2D, map).reshape([B, 1, D]));
  }
  if (config.layers === 'none') return interests;
  const kernel = weights['relu/kernel'] as Tensor2D;
  return tf.relu(tf.matMul(interests.reshape([B * K, D]) as Tensor2D, kernel)).reshape([B, K, D]);
}

/** The H-layers (paper, §4.3): dense ReLU layers [M, width] → [M, D], the same for every capsule. */
function hiddenLayers(
  input: Tensor2D,
  weights: WeightTensors,
  { hiddenUnits, outputActivation }: ModelConfig,
): Tensor2D {
  let output = input;
  for (let layer = 0; layer <= hiddenUnits.length; layer++) {
    output = tf.add(tf.matMul(output, weights[`hidden/${layer}/kernel`] as Tensor2D), weights[`hidden/${layer}/bias`]!);
    if (layer < hiddenUnits.length || outputActivation === 'relu') output = tf.relu(output);
  }
  return output;
}
