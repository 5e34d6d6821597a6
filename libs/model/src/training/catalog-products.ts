import { tf } from '../tf.ts';
import { valuesOf } from '../tf-values.ts';
import type { Tensor1D, Tensor2D } from '../tf.ts';

/** The items' vectors on TensorFlow's side, until `dispose`. */
export interface CatalogProducts {
  /**
   * max_k v_kᵀ e of every item for many users at once and what is added to it, in float32.
   *
   * @param interests [B · K, D]
   * @param additions of each user [N + 1]
   * @returns [B, N + 1], valid up to the next call
   */
  scores(interests: Float32Array, K: number, additions: readonly Float32Array[]): Float32Array;
  dispose(): void;
}

/** Bytes of products that are made at once: enough to keep two cores busy, and few enough for their caches. */
const productBytes = 8 * 2 ** 20;

/** @param vectors [N + 1, D] */
export function createCatalogProducts(vectors: Float32Array, dim: number): CatalogProducts {
  const width = vectors.length / dim;
  const items = tf.tensor2d(vectors, [width, dim]);
  let scores = new Float32Array(0);
  return {
    scores(interests, K, additions) {
      const users = additions.length;
      if (scores.length < users * width) scores = new Float32Array(users * width);
      const inputs = tf.tidy(() => ({
        interests: tf.tensor2d(interests, [users * K, dim]),
        ...stackDistinct(additions, width),
      }));
      const columns = Math.max(1, Math.floor(productBytes / (4 * users * K)));
      for (let start = 0; start < width; start += columns) {
        const count = Math.min(columns, width - start);
        const ofColumns = valuesOf(() => {
          const products = tf.matMul(inputs.interests, tf.slice(items, [start, 0], [count, dim]), false, true);
          const best = K === 1 ? products : tf.max(products.reshape([users, K, count]), 1);
          const added = tf.slice(inputs.additions, [0, start], [inputs.additions.shape[0], count]);
          return tf.add(best, added.shape[0] === 1 ? added : tf.gather(added, inputs.rows));
        });
        for (let user = 0; user < users; user++) {
          scores.set(ofColumns.subarray(user * count, (user + 1) * count), user * width + start);
        }
      }
      tf.dispose(inputs);
      return scores.subarray(0, users * width);
    },
    dispose: () => items.dispose(),
  };
}

/** The different ones of arrays [N + 1] as rows, and which one each array is: users who are asked at one moment share theirs. */
function stackDistinct(arrays: readonly Float32Array[], width: number): { additions: Tensor2D; rows: Tensor1D } {
  const rowOf = new Map<Float32Array, number>();
  for (const array of arrays) if (!rowOf.has(array)) rowOf.set(array, rowOf.size);
  const stacked = new Float32Array(rowOf.size * width);
  for (const [array, row] of rowOf) stacked.set(array, row * width);
  const rows = arrays.map((array) => rowOf.get(array)!);
  return { additions: tf.tensor2d(stacked, [rowOf.size, width]), rows: tf.tensor1d(rows, 'int32') };
}
