import { tf } from '../tf.ts';
import type { Tensor } from '../tf.ts';
import { squashEpsilon } from '../epsilon.ts';

/**
 * squash(z) = ‖z‖² / (1 + ‖z‖²) · z / ‖z‖ along the last axis (paper, Eq. 7): keeps the direction and turns the norm m
 * into m² / (1 + m²) < 1.
 */
export const squash = tf.customGrad((...[input, save]: unknown[]) => {
  const capsules = input as Tensor;
  const squaredNorm = tf.sum(tf.square(capsules), -1, true);
  const root = tf.sqrt(tf.add(squaredNorm, squashEpsilon));
  const factor = tf.div(root, tf.add(squaredNorm, 1)); // f(s), s = ‖z‖²
  (save as (tensors: Tensor[]) => void)([capsules, squaredNorm, root, factor]);
  return {
    value: tf.mul(capsules, factor),
    // f(s) dy + 2 f′(s) (dy · z) z with f′ = f / (2 (s + ε)) − f / (1 + s)
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [z, s, r, f] = saved as [Tensor, Tensor, Tensor, Tensor];
      const slope = tf.mul(f, tf.sub(tf.div(0.5, tf.square(r)), tf.div(1, tf.add(s, 1))));
      const along = tf.mul(tf.sum(tf.mul(dy, z), -1, true), tf.mul(slope, 2));
      return tf.add(tf.mul(dy, f), tf.mul(z, along));
    },
  };
}) as unknown as <T extends Tensor>(capsules: T) => T;
