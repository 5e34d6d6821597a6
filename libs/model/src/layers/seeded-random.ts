import { tf } from '../tf.ts';
import type { Tensor, Tensor1D } from '../tf.ts';
import { operation } from '../tf-operation.ts';

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
  const sizes = tf.tensor1d([...shape], 'int32');
  return operation(op, [sizes, seed], { dtype: 'float32', T: 'int32', Tseed: 'int32' });
}
