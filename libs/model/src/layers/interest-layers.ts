import { tf } from '../tf.ts';
import type { Tensor2D, Tensor3D, Variable } from '../tf.ts';
import type { ModelConfig } from '../config.ts';
import { hiddenLayers } from './hidden-layers.ts';

/** What becomes an interest: capsules [B, K, D], and beside each the same context [B, 1, D] and profile [B, 1, P]. */
export interface InterestInput {
  readonly capsules: Tensor3D;
  readonly context: Tensor3D | undefined;
  /** The embeddings of the user's features beside each other; absent where there are none. */
  readonly profile: Tensor3D | undefined;
}

/** Capsules → interests [B, K, D] by the model's `layers`. */
export function interestLayers(
  variables: Readonly<Record<string, Variable>>,
  config: ModelConfig,
  { capsules, context, profile }: InterestInput,
): Tensor3D {
  return tf.tidy(() => {
    const [B, K, D] = capsules.shape;
    if (config.layers === 'hidden') {
      const shared = [context, profile].filter((part) => part !== undefined);
      const parts = [capsules, ...shared.map((part) => tf.tile(part, [1, K, 1]))];
      const output = hiddenLayers(tf.concat(parts, 2).reshape([B * K, -1]), variables, config);
      return output.reshape([B, K, D]) as Tensor3D;
    }
    let interests = capsules;
    if (profile !== undefined) {
      const map = variables['profileMap/kernel'] as unknown as Tensor2D;
      interests = tf.add(interests, tf.matMul(profile.reshape([B, -1]) as Tensor2D, map).reshape([B, 1, D]));
    }
    if (config.layers === 'none') return interests;
    const kernel = variables['relu/kernel'] as unknown as Tensor2D;
    return tf.relu(tf.matMul(interests.reshape([B * K, D]) as Tensor2D, kernel)).reshape([B, K, D]);
  });
}
