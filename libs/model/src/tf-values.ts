import { tf } from './tf.ts';
import type { Tensor } from './tf.ts';

/** The numbers of a float32 tensor; it and all that was made on the way to it are freed. */
export function valuesOf(compute: () => Tensor): Float32Array {
  const tensor = tf.tidy(compute);
  // Read outside of tidy, which would look for tensors among the numbers.
  const values = tensor.dataSync() as Float32Array;
  tensor.dispose();
  return values;
}
