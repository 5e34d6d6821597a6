import { tf } from '../tf.ts';
import type { Tensor } from '../tf.ts';
import { squashEpsilon } from '../epsilon.ts';

/**
 * squash(z) = ‖z‖² / (1 + ‖z‖²) · z / ‖z‖ along the last axis (paper, Eq. 7): keeps the direction and turns the norm m
 * into m² / (1 + m²) < 1.
 */
export function squash<T extends Tensor>(capsules: T): T {
  return tf.tidy(() => {
    const squaredNorm = tf.sum(tf.square(capsules), -1, true);
    const factor = tf.div(tf.sqrt(tf.add(squaredNorm, squashEpsilon)), tf.add(squaredNorm, 1));
    return tf.mul(capsules, factor) as T;
  });
}
