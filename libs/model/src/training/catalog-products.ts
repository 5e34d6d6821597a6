import { tf } from '../tf.ts';
import { valuesOf } from '../tf-values.ts';

/** The items' vectors on TensorFlow's side, until `dispose`. */
export interface CatalogProducts {
  /**
   * max_k v_kᵀ e of every item for many users at once, in float32.
   *
   * @param interests [B · K, D]
   * @returns [B, N + 1]
   */
  best(interests: Float32Array, K: number): Float32Array;
  dispose(): void;
}

/** @param vectors [N + 1, D] */
export function createCatalogProducts(vectors: Float32Array, dim: number): CatalogProducts {
  const rows = vectors.length / dim;
  const items = tf.tensor2d(vectors, [rows, dim]);
  return {
    best(interests, K) {
      const users = interests.length / (dim * K);
      return valuesOf(() => {
        const products = tf.matMul(tf.tensor2d(interests, [users * K, dim]), items, false, true);
        return K === 1 ? products : tf.max(products.reshape([users, K, rows]), 1);
      });
    },
    dispose: () => items.dispose(),
  };
}
