import { tf } from '../tf.ts';
import type { Tensor, Tensor1D } from '../tf.ts';

/*
 * TensorFlow's own random operations (Philox, counted by the element): the same seed gives the same numbers, in a graph or op by
 * op. Those of TensorFlow.js draw in JavaScript.
 */

/**
 * Dropout's factors: 0 with the probability `rate`, else 1/(1 − rate), so that the mean is 1.
 *
 * @param seed [2] int32
 */
export function dropoutFactors(shape: readonly number[], rate: number, seed: Tensor1D): Tensor {
  return tf.tidy(() => {
    const uniform = draw('StatelessRandomUniform', shape, seed);
    return tf.mul(tf.greaterEqual(uniform, rate).toFloat(), 1 / (1 - rate));
  });
}

/** Draws from N(0, 1). @param seed [2] int32 */
export function seededNormal(shape: readonly number[], seed: Tensor1D): Tensor {
  return tf.tidy(() => draw('StatelessRandomNormal', shape, seed));
}

function draw(op: string, shape: readonly number[], seed: Tensor1D): Tensor {
  const backend = tf.backend() as unknown as OperationBackend;
  const types = { dtype: 'float32', T: 'int32', Tseed: 'int32' } as const;
  const attributes = Object.entries(types).map(([name, dtype]) => ({
    name,
    type: backend.binding.TF_ATTR_TYPE,
    value: backend.getDTypeInteger(dtype),
  }));
  return backend.executeSingleOutput(op, attributes, [tf.tensor1d([...shape], 'int32'), seed]);
}

/** TensorFlow.js has no function for these operations. */
interface OperationBackend {
  executeSingleOutput(op: string, attributes: readonly object[], inputs: readonly Tensor[]): Tensor;
  getDTypeInteger(dtype: string): number;
  readonly binding: { readonly TF_ATTR_TYPE: number };
}
