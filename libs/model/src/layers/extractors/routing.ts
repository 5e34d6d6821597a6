import { tf } from '../../tf.ts';
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from '../../tf.ts';
import type { ExtractorConfig } from '../../config.ts';
import { routeBehaviors } from '../routing.ts';
import { ofSlots } from '../user-batch.ts';
import type { UserBatch } from '../user-batch.ts';
import type { Extractor } from './extractor.ts';

/** Dynamic routing of the behaviors through bilinear maps (paper, §4.2; ComiRec-DR with one for each place and interest). */
export const extractByRouting: Extractor<'routing'> = (variables, config, { behaviors, weights, users }) => {
  const L = behaviors.shape[1];
  const K = users.active.shape[1];
  return routeBehaviors({
    projected: project(behaviors, variables['routing/S']!, config.map, users),
    behaviorWeights: weights,
    logits: users.logits ?? (ofSlots(variables['routing/logits']!, users, 1).reshape([1, K, L]) as Tensor3D),
    active: users.active,
    iterations: config.iterations,
    cosineAgreement: config.cosineAgreement,
    gradient: config.gradient,
  });
};

/** [B, L, D] → rows S·e_i, [B, L, D] of a shared map [D, D]; else rows S_j·e_i, [B, K, L, D], of [K · D, D] or [L, K · D, D]. */
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
  const projected = tf.matMul(behaviors.reshape([B * L, D]) as Tensor2D, maps as Tensor2D, false, true);
  if (kind === 'shared') return projected.reshape([B, L, D]) as Tensor3D;
  return tf.transpose(projected.reshape([B, L, K, D]), [0, 2, 1, 3]) as Tensor4D;
}
