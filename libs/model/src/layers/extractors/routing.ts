import { tf } from '../../tf.ts';
import type { Tensor2D } from '../../tf.ts';
import { routeBehaviors } from '../routing.ts';
import type { Extractor } from './extractor.ts';

/** Dynamic routing of the behaviors through the bilinear map S [D, D] (paper, §4.2). */
export const extractByRouting: Extractor<'routing'> = (variables, config, { behaviors, weights, users }) => {
  const [B, L, D] = behaviors.shape;
  const K = users.active.shape[1];
  const S = variables['routing/S'] as unknown as Tensor2D;
  const projected = tf.matMul(behaviors.reshape([B * L, D]) as Tensor2D, S, false, true); // rows S·e_i
  return routeBehaviors({
    projected: projected.reshape([B, L, D]),
    behaviorWeights: weights,
    logits: users.logits ?? variables['routing/logits']!.reshape([1, K, L]),
    active: users.active,
    iterations: config.iterations,
    cosineAgreement: config.cosineAgreement,
    gradient: config.gradient,
  });
};
