import { tf } from '../tf.ts';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '../tf.ts';
import { poolItemRows } from './item-rows.ts';
import type { ItemRows } from './item-rows.ts';

/** The item tower of one vocabulary: holds its rows as tensors; `dispose` frees them. */
export interface ItemTower {
  /** E [N + 1, D], the embeddings of all items from the current tables. */
  embed(variables: Readonly<Record<string, Tensor>>): Tensor2D;
  dispose(): void;
}

/** One table's part in the average that an item's embedding is; n items. */
export interface PooledTensors {
  readonly table: string;
  /** [n · slots] rows of the table; absent where its rows are those of the items, one each. */
  readonly rows: Tensor1D | undefined;
  /** [n, slots, 1] zero where there is no row. */
  readonly weights: Tensor3D;
}

export function createItemTower(items: ItemRows): ItemTower {
  const pooled = poolItemRows(items).map(({ table, slots, rows, weights }) => ({
    table,
    rows: tf.tensor1d(rows, 'int32'),
    weights: tf.tensor3d(weights, [rows.length / slots, slots, 1]),
  }));
  return {
    embed: (variables) => poolEmbeddings(variables, pooled),
    dispose: () => tf.dispose(pooled.flatMap(({ rows, weights }) => [rows, weights])),
  };
}

/** Average pooling of the embeddings of n items (paper, §4.1) → [n, D]. */
export function poolEmbeddings(
  variables: Readonly<Record<string, Tensor>>,
  pooled: readonly PooledTensors[],
): Tensor2D {
  return tf.tidy(() => {
    const parts = pooled.map(({ table, rows, weights }) => {
      const [n, slots] = weights.shape;
      const embeddings = rows === undefined ? variables[table]! : tf.gather(variables[table]!, rows); // [n · slots, D]
      // One row each needs no sum.
      if (slots === 1) return tf.mul(embeddings, weights.reshape([n, 1])) as Tensor2D;
      return tf.sum(tf.mul(embeddings.reshape([n, slots, -1]), weights), 1) as Tensor2D;
    });
    return parts.length === 1 ? parts[0]! : tf.addN(parts);
  });
}
