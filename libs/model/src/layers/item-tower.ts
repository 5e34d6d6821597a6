import { tf } from '../tf.ts';
import type { Tensor2D, Variable } from '../tf.ts';
import { poolItemRows } from './item-rows.ts';
import type { ItemRows } from './item-rows.ts';

/** The item tower of one vocabulary: holds its rows as tensors; `dispose` frees them. */
export interface ItemTower {
  /** E [N + 1, D], the embeddings of all items from the current tables. */
  embed(variables: Readonly<Record<string, Variable>>): Tensor2D;
  dispose(): void;
}

export function createItemTower(items: ItemRows): ItemTower {
  const pooled = poolItemRows(items).map(({ table, slots, rows, weights }) => ({
    table,
    slots,
    rows: tf.tensor1d(rows, 'int32'),
    weights: tf.tensor3d(weights, [rows.length / slots, slots, 1]),
  }));
  const n = items.itemCount + 1;
  return {
    embed: (variables) =>
      tf.tidy(() => {
        const parts = pooled.map(({ table, slots, rows, weights }) => {
          const embeddings = tf.gather(variables[table]!, rows); // [n · slots, D]
          return tf.sum(tf.mul(embeddings.reshape([n, slots, -1]), weights), 1) as Tensor2D;
        });
        return tf.addN(parts);
      }),
    dispose: () => tf.dispose(pooled.flatMap(({ rows, weights }) => [rows, weights])),
  };
}
