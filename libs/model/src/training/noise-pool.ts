import { createRandom } from '@facet/features';
import type { Random } from '@facet/features';
import { tf } from '../tf.ts';
import type { Tensor3D } from '../tf.ts';

/** Gives the dropout factors of a batch. */
export interface NoisePool {
  /** [rows, L, D] */
  draw(rows: number, random: Random): Tensor3D;
  dispose(): void;
}

const noisePoolSeed = 7;

/**
 * Dropout factors (0 or 1/(1 − rate)) drawn once; each step reads B·L·D of them from a random place. TensorFlow's random
 * operations run in JavaScript here and would cost more than the step.
 */
export function createNoisePool(rate: number, sequenceLength: number, embeddingDim: number): NoisePool | undefined {
  if (rate === 0) return undefined;
  const keep = 1 / (1 - rate);
  const random = createRandom(noisePoolSeed);
  let pool = tf.tensor1d(new Float32Array(0));
  const fill = (size: number): void => {
    pool.dispose();
    pool = tf.keep(tf.tensor1d(Float32Array.from({ length: size }, () => (random.next() < rate ? 0 : keep))));
  };
  return {
    draw(rows, stepRandom) {
      const size = rows * sequenceLength * embeddingDim;
      if (pool.size < size * 2) fill(size * 2);
      const start = stepRandom.int(pool.size - size);
      return pool.slice(start, size).reshape([rows, sequenceLength, embeddingDim]);
    },
    dispose: () => pool.dispose(),
  };
}
