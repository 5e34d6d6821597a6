import { operation } from '@facet/tf-graph';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor, Tensor1D } from '@facet/tf-graph/tensorflow';

/*
 * TensorFlow's stateless random operations (Philox): the same seed gives the same numbers in a graph and op by op. TensorFlow.js
 * draws random numbers in JavaScript instead, which a graph would record as constants.
 */

/** Draws dropout factors: 0 with probability `rate`, otherwise 1/(1 − rate). @param seed [2] int32 */
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
