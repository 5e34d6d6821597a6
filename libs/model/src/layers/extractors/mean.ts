import { tf } from '../../tf.ts';
import type { Tensor3D } from '../../tf.ts';
import { weightedSoftmaxEpsilon } from '../../epsilon.ts';
import type { Extractor } from './extractor.ts';

/** The weighted mean of the behaviors as one capsule [B, 1, D] (YouTube DNN: all weights equal). */
export const extractMean: Extractor<'mean'> = (_variables, _config, { behaviors, weights }) => {
  // A user without behaviors has the mean zero.
  const total = tf.maximum(tf.sum(weights, 1, true), weightedSoftmaxEpsilon);
  return tf.matMul(tf.div(weights, total).expandDims(1), behaviors) as Tensor3D;
};
