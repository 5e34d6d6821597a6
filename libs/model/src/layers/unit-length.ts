import { tf } from '../tf.ts';
import type { Tensor } from '../tf.ts';
import { unitLengthEpsilon } from '../epsilon.ts';

/** Vectors along the last axis scaled to length 1. */
export function unitLength<T extends Tensor>(vectors: T): T {
  return tf.tidy(() => {
    const squaredNorm = tf.sum(tf.square(vectors), -1, true);
    return tf.mul(vectors, tf.rsqrt(tf.add(squaredNorm, unitLengthEpsilon))) as T;
  });
}
