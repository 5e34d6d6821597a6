import { buildContentIndex } from '@facet/features';
import type { ContentIndex, ItemContent, Neighbors } from '@facet/features';

/** Neighbors of an item without interactions. Chosen on the validation window of online-retail-2 among 5, 20 and 50. */
const neighborCount = 20;
/** More known items, in the order of popularity, hardly find better neighbors and cost time. */
export const contentItemsMax = 50_000;

/** An item without interactions, and the known items with the most similar content. */
export interface ColdItem {
  readonly item: number;
  readonly neighbors: Neighbors;
}

/**
 * Yields cold items with their neighbors, which do not depend on the weights of a model.
 *
 * @param known.items positions in its content, most popular first
 * @param cold.items positions in its content
 */
export function* findNeighbors(
  known: { readonly content: ItemContent; readonly items: Int32Array },
  cold: { readonly content: ItemContent; readonly items: Iterable<number> },
): Generator<ColdItem> {
  let index: ContentIndex | undefined;
  for (const item of cold.items) {
    index ??= buildContentIndex(known.content, known.items.subarray(0, contentItemsMax));
    yield { item, neighbors: index.nearest(cold.content, item, neighborCount) };
  }
}

/**
 * Replaces the rows of cold items in `target` by the weighted mean of their neighbors: their unit vectors, scaled to their mean length
 * (k-nearest-neighbor mapping of Gantner et al., ICDM 2010). Keeps the rows of items without neighbors.
 *
 * @param target [n, D] by the positions of the cold items
 * @param embeddings E, rows of D by the positions of the known items
 */
export function embedColdItems(
  target: Float32Array,
  cold: Iterable<ColdItem>,
  { embeddings, dim: D }: { readonly embeddings: Float32Array; readonly dim: number },
): void {
  for (const { item, neighbors } of cold) {
    if (neighbors.items.length > 0) writeMean(target.subarray(item * D, (item + 1) * D), embeddings, neighbors);
  }
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
    if (norm === 0) return;
    for (let d = 0; d < D; d++) sum[d]! += (similarity * row[d]!) / norm;
    length += similarity * norm;
    total += similarity;
  });
  const norm = Math.hypot(...sum);
  if (norm === 0) return;
  for (let d = 0; d < D; d++) target[d] = (sum[d]! / norm) * (length / total);
}
