import { tf } from '../tf.ts';
import type { Tensor2D, Variable } from '../tf.ts';
import type { ModelConfig } from '../config.ts';

/** The H-layers (paper, §4.3): dense ReLU layers, the same for every capsule. [M, width] → [M, D]. */
export function hiddenLayers(
  input: Tensor2D,
  variables: Readonly<Record<string, Variable>>,
  config: Pick<ModelConfig, 'hiddenUnits' | 'outputActivation'>,
): Tensor2D {
  return tf.tidy(() => {
    let output = input;
    for (let layer = 0; layer <= config.hiddenUnits.length; layer++) {
      const kernel = variables[`hidden/${layer}/kernel`] as unknown as Tensor2D;
      output = tf.add(tf.matMul(output, kernel), variables[`hidden/${layer}/bias`]!);
      if (layer < config.hiddenUnits.length || config.outputActivation === 'relu') output = tf.relu(output);
    }
    return output;
  });
}
