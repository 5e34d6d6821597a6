import { buildContentIndex } from '@facet/features';
import type { ContentIndex, ItemContent, Neighbors } from '@facet/features';

/** Items that are known by their ids: their content and their embeddings. */
export interface KnownItems {
  readonly content: ItemContent;
  /** E, rows of D by the positions of the content. */
  readonly embeddings: Float32Array;
  /** Positions, most popular first. */
  readonly items: Int32Array;
}

/** Neighbors of an item without interactions. Chosen on the validation window of online-retail-2 among 5, 20 and 50. */
const neighborCount = 20;
/** More known items, in the order of popularity, hardly find better neighbors and cost time. */
export const contentItemsMax = 50_000;

/** Embeds items without interactions. */
export interface ColdItemEmbedder {
  /**
   * Replaces the rows of `items` in `target` by the weighted mean of the known items with the most similar content: their unit vectors,
   * scaled to their mean length (k-nearest-neighbor mapping of Gantner et al., ICDM 2010). Keeps the rows of items without similar ones.
   *
   * @param target [n, D] by the positions of `content`.
   */
  embed(target: Float32Array, content: ItemContent, items: Iterable<number>): void;
}

/** @param D the width of the embeddings. */
export function createColdItemEmbedder(known: KnownItems, D: number): ColdItemEmbedder {
  const { content: knownContent, items: all } = known;
  let index: ContentIndex | undefined;
  return {
    embed(target, content, items) {
      for (const item of items) {
        index ??= buildContentIndex(knownContent, all.subarray(0, contentItemsMax));
        const neighbors = index.nearest(content, item, neighborCount);
        const row = target.subarray(item * D, (item + 1) * D);
        if (neighbors.items.length > 0) writeMean(row, known.embeddings, neighbors);
      }
    },
  };
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
