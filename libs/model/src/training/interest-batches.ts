import { tf } from '../tf.ts';
import type { Variable } from '../tf.ts';
import { valuesOf } from '../tf-values.ts';
import type { ModelSpec } from '../config.ts';
import { userTower } from '../layers/user-tower.ts';
import type { Weights } from '../weights.ts';
import type { UserRows } from './batch.ts';
import { userArrays } from './batch-arrays.ts';
import { tensorsOf, toUserBatch } from './batch-tensors.ts';

/** The user tower on TensorFlow's side, until `dispose`. */
export interface InterestBatches {
  /**
   * V_u of many users at once: [B, K, D], zero where inactive. The kernel of serving gives the same within rounding.
   * Behavior rows may be shorter than L: what users of few behaviors need costs as little.
   */
  interests(users: UserRows): Float32Array;
  dispose(): void;
}

/** @param embeddings E [N + 1, D] from `embedItems` */
export function createInterestBatches(spec: ModelSpec, weights: Weights, embeddings: Float32Array): InterestBatches {
  const { embeddingDim: D, interests: K } = spec.config;
  const items = tf.tensor2d(embeddings, [embeddings.length / D, D]);
  const variables: Record<string, Variable> = {};
  for (const [name, { shape, data }] of Object.entries(weights)) {
    // Of those E is made.
    if (name.startsWith('item/')) continue;
    variables[name] = tf.tidy(() => tf.variable(tf.tensor(data, [...shape]), false));
  }
  return {
    interests(users) {
      const B = users.active.length / K;
      return valuesOf(() => {
        const tensors = tensorsOf({ sizes: { B, L: users.behaviors.length }, arrays: userArrays(spec, users) });
        return userTower(variables, spec, items, toUserBatch(spec, tensors));
      });
    },
    dispose() {
      items.dispose();
      tf.dispose(variables);
    },
  };
}
