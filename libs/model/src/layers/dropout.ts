import { tf } from '../tf.ts';
import type { Tensor, Tensor1D } from '../tf.ts';

/**
 * Dropout's factors: 0 with the probability `rate`, else 1/(1 − rate), so that the mean is 1. The same seed gives the same factors.
 *
 * TensorFlow.js draws random numbers in JavaScript; this is TensorFlow's own operation (Philox, counted by the element).
 *
 * @param seed [2] int32
 */
export function dropoutFactors(shape: readonly number[], rate: number, seed: Tensor1D): Tensor {
  const backend = tf.backend() as unknown as OperationBackend;
  return tf.tidy(() => {
    const form = tf.tensor1d([...shape], 'int32');
    const types = { dtype: 'float32', T: 'int32', Tseed: 'int32' } as const;
    const attributes = Object.entries(types).map(([name, dtype]) => ({
      name,
      type: backend.binding.TF_ATTR_TYPE,
      value: backend.getDTypeInteger(dtype),
    }));
    const uniform = backend.executeSingleOutput('StatelessRandomUniform', attributes, [form, seed]);
    return tf.mul(tf.greaterEqual(uniform, rate).toFloat(), 1 / (1 - rate));
  });
}

interface OperationBackend {
  executeSingleOutput(op: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor;
  getDTypeInteger(dtype: string): number;
  readonly binding: { readonly TF_ATTR_TYPE: number };
}
