import { tensorOf, valuesOf } from '@facet/tf-graph';
import { mapLeaves } from '@facet/tf-graph/arrays';
import type { NumericArray } from '@facet/tf-graph/arrays';
import { tf } from '@facet/tf-graph/tensorflow';
import type { Tensor2D } from '@facet/tf-graph/tensorflow';
import type { ItemBatch, WeightTensors } from '../batch.ts';
import type { Weights } from '../weights.ts';
import { pooledArrays } from './item-rows.ts';
import type { ItemRows } from './item-rows.ts';

/** The item tower f_item(F_i) = e_i (paper, Eq. 2): average pooling of the embeddings of U items (§4.1). Returns [U, D]. */
export function itemTower(weights: WeightTensors, pooled: ItemBatch['pooled']): Tensor2D {
  return tf.tidy(() => {
    const parts = Object.entries(pooled).map(([table, { rows, weights: shares }]) => {
      const [U, slots] = shares.shape;
      const embeddings = rows === undefined ? weights[table]! : tf.gather(weights[table]!, rows.flatten()); // [U · slots, D]
      if (slots === 1) return tf.mul(embeddings, shares.reshape([U, 1])) as Tensor2D;
      return tf.sum(tf.mul(embeddings.reshape([U, slots, -1]), shares), 1) as Tensor2D;
    });
    return parts.length === 1 ? parts[0]! : tf.addN(parts);
  });
}

/** Returns the embeddings E [N + 1, D] of all items. `embedItems` computes the same without TensorFlow. */
export function embedByTower(weights: Weights, items: ItemRows): Float32Array {
  return valuesOf(() => {
    const tensors = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
    );
    const toTensor = (array: unknown) => tensorOf(array as NumericArray);
    return itemTower(tensors, mapLeaves<ItemBatch['pooled']>(pooledArrays(items), toTensor));
  });
}
