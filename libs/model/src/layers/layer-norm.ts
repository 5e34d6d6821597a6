import { tf } from '../tf.ts';
import type { Tensor, Tensor3D } from '../tf.ts';
import { layerNormEpsilon } from '../epsilon.ts';

/** Layer normalization (Ba et al., 2016) along the last axis of [B, L, D]: mean 0 and variance 1, then scale and shift [D]. */
export function layerNorm(values: Tensor3D, scale: Tensor, shift: Tensor): Tensor3D {
  return tf.tidy(() => {
    const centered = tf.sub(values, tf.mean(values, 2, true));
    const variance = tf.mean(tf.square(centered), 2, true);
    const normal = tf.mul(centered, tf.rsqrt(tf.add(variance, layerNormEpsilon)));
    return tf.add(tf.mul(normal, scale), shift);
  });
}
