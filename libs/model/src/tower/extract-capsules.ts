import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor3D } from '@facet/tf-graph/tensorflow';
import type { WeightTensors } from '../batch.ts';
import type { ModelConfig } from '../config.ts';
import { weightedSoftmaxEpsilon } from '../epsilon.ts';
import { userVectorTable } from '../weights.ts';
import type { Extractor, ExtractorInput } from './extractor.ts';
import { extractByRouting } from './routing.ts';
import { extractBySelfAttention } from './self-attention.ts';
import { extractByTransformer } from './transformer.ts';

/** The multi-interest extractor: behaviors → interest capsules [B, K, D]. Capsules of inactive interests are finite and unused. */
export function extractCapsules(
  weights: WeightTensors,
  config: Pick<ModelConfig, 'extractor' | 'dropout'>,
  input: ExtractorInput,
): Tensor3D {
  const { extractor } = config;
  switch (extractor.kind) {
    case 'routing':
      return extractByRouting(weights, extractor, input);
    case 'mean':
      return extractMean(weights, extractor, input);
    case 'self-attention':
      return extractBySelfAttention(weights, extractor, input);
    case 'transformer':
      return extractByTransformer(weights, { ...extractor, dropout: config.dropout }, input);
    case 'user-vectors':
      return extractUserVectors(weights, extractor, input);
  }
}

/** The weighted mean of the behaviors as one capsule [B, 1, D] (YouTube DNN: equal weights). Zero for users without behaviors. */
const extractMean: Extractor<'mean'> = (_weights, _config, { behaviors, weights }) => {
  const total = tf.maximum(tf.sum(weights, 1, true), weightedSoftmaxEpsilon);
  return tf.matMul(tf.div(weights, total).expandDims(1), behaviors) as Tensor3D;
};

/**
 * The learned vectors of each user [B, K, D] (MaxMF: Weston, Weiss and Yee, RecSys 2013). With the readout `max`, a label updates
 * only the vector with the highest score.
 */
const extractUserVectors: Extractor<'user-vectors'> = (weights, _config, { behaviors, users }) => {
  const [B, , D] = behaviors.shape;
  return tf.gather(weights[userVectorTable]!, users.userRows!).reshape([B, -1, D]);
};
