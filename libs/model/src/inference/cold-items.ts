import { buildContentIndex } from '@facet/features';
import type { ItemContent, Neighbors } from '@facet/features';

/** Neighbors of an item without interactions, at most. Chosen on the validation window of online-retail-2 among 5, 20 and 50. */
export const neighborsMax = 20;
/** Only the most popular known items are searched. More items cost time and hardly improve the neighbors. */
export const contentItemsMax = 50_000;

/**
 * Items without interactions, and for each the known items with the most similar content. The arrays are flat, because an object per
 * item takes 8 times the memory.
 */
export interface ColdItems {
  readonly items: Int32Array;
  /** [items, {@link neighborsMax}] most similar first. */
  readonly neighbors: Int32Array;
  /** [items, {@link neighborsMax}] 0 where an item has no more neighbors. */
  readonly similarities: Float32Array;
}

/**
 * Returns cold items with their neighbors, which do not depend on the weights of a model.
 *
 * @param known.items positions in its content, most popular first
 * @param cold.items positions in its content
 */
export function findNeighbors(
  known: { readonly content: ItemContent; readonly items: Int32Array },
  cold: { readonly content: ItemContent; readonly items: Int32Array },
): ColdItems {
  const { content, items } = cold;
  const neighbors = new Int32Array(items.length * neighborsMax);
  const similarities = new Float32Array(items.length * neighborsMax);
  if (items.length === 0) return { items, neighbors, similarities };
  const index = buildContentIndex(known.content, known.items.subarray(0, contentItemsMax));
  items.forEach((item, place) => {
    const nearest = index.nearest(content, item, neighborsMax);
    neighbors.set(nearest.items, place * neighborsMax);
    similarities.set(nearest.similarities, place * neighborsMax);
  });
  return { items, neighbors, similarities };
}

/**
 * Replaces the rows of cold items in `target` by the weighted mean of their neighbors (k-nearest-neighbor mapping of Gantner et al.,
 * ICDM 2010). Averages unit vectors, and scales the mean to the mean length of the neighbors. Keeps the rows of items without
 * neighbors.
 *
 * @param target [n, D] by the positions of the cold items
 * @param embeddings E, rows of D by the positions of the known items
 */
export function embedColdItems(
  target: Float32Array,
  { items, neighbors, similarities }: ColdItems,
  { embeddings, dim: D }: { readonly embeddings: Float32Array; readonly dim: number },
): void {
  items.forEach((item, place) => {
    const from = place * neighborsMax;
    writeMean(target.subarray(item * D, (item + 1) * D), embeddings, {
      items: neighbors.subarray(from, from + neighborsMax),
      similarities: similarities.subarray(from, from + neighborsMax),
    });
  });
}

function writeMean(target: Float32Array, embeddings: Float32Array, { items, similarities }: Neighbors): void {
  const D = target.length;
  const sum = new Float64Array(D);
  let length = 0;
  let total = 0;
  items.forEach((item, place) => {
    const row = embeddings.subarray(item * D, (item + 1) * D);
    const norm = Math.hypot(...row);
    const similarity = similarities[place]!;
    if (similarity === 0 || norm === 0) return;
    for (let d = 0; d < D; d++) sum[d]! += (similarity * row[d]!) / norm;
    length += similarity * norm;
    total += similarity;
  });
  const norm = Math.hypot(...sum);
  if (norm === 0) return;
  for (let d = 0; d < D; d++) target[d] = (sum[d]! / norm) * (length / total);
}
