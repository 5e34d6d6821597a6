import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor2D, Tensor3D } from '@facet/tf-graph/tensorflow';
import { ofSlots } from './extractor.ts';
import type { Extractor } from './extractor.ts';
import { weightedSoftmax } from './math.ts';

/**
 * ComiRec-SA (Cen et al., KDD 2020, §3.2): A = softmax over the behaviors of W2 tanh(W1 (E + positions)); capsules V = A E.
 * Positions count from the newest behavior.
 */
export const extractBySelfAttention: Extractor<'self-attention'> = (
  variables,
  _config,
  { behaviors, weights, users },
) => {
  const [B, L, D] = behaviors.shape;
  const placed = tf.add(behaviors, ofSlots(variables['attention/positions']!, users)).reshape([B * L, D]) as Tensor2D;
  const hidden = tf.tanh(tf.matMul(placed, variables['attention/W1'] as Tensor2D)); // [B · L, units]
  const logits = tf.matMul(hidden, variables['attention/W2'] as Tensor2D); // [B · L, K]
  const byInterest = tf.transpose(logits.reshape([B, L, -1]), [0, 2, 1]) as Tensor3D; // [B, K, L]
  return tf.matMul(weightedSoftmax(byInterest, weights, users.mask), behaviors) as Tensor3D;
};
