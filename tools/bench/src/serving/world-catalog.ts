import type { CatalogItem } from '@facet/bundles';
import { createRandom, mix } from '@facet/features';
import { dot } from '@facet/platform';

const adjectives = 'Brushed Compact Everyday Folding Handmade Large Quilted Recycled Slim Vintage'.split(' ');
const materials = 'bamboo canvas ceramic cotton glass leather oak steel walnut wool'.split(' ');
const things = 'basket blanket bowl chair clock cushion jacket kettle lamp mirror notebook'.split(' ');
export const categoryCount = 64;
export const brandCount = 5_000;
/** One in 100 items is unavailable. */
const itemsPerUnavailable = 100;

export function worldItemId(item: number): string {
  return `item-${String(item).padStart(7, '0')}`;
}

export function isAvailable(item: number): boolean {
  return mix(item) % itemsPerUnavailable !== 0;
}

/**
 * Returns [N + 1] items with a title, a category derived from the item's vector, a brand and a price.
 *
 * @param embeddings [N + 1, D]
 */
export function drawCatalog(embeddings: Float32Array, dim: number): CatalogItem[] {
  const random = createRandom(6);
  const directions = Array.from({ length: categoryCount }, () => Float32Array.from({ length: dim }, random.normal));
  const one = (words: readonly string[]): string => words[random.int(words.length)]!;
  const items: CatalogItem[] = [{ itemId: '', attributes: {} }];
  for (let item = 1; item < embeddings.length / dim; item++) {
    const vector = embeddings.subarray(item * dim, (item + 1) * dim);
    items.push({
      itemId: worldItemId(item),
      title: `${one(adjectives)} ${one(materials)} ${one(things)}, no. ${random.int(10_000)}`,
      available: isAvailable(item),
      attributes: {
        category: `category-${nearest(directions, vector)}`,
        // Few brands have most of the items.
        brand: `brand-${Math.floor(brandCount * random.next() ** 3)}`,
        price: Math.round(100 * Math.exp(3 + random.normal())) / 100,
      },
    });
  }
  return items;
}

/** Returns [N + 1] interaction counts with a long tail. */
export function drawPopularity(itemCount: number): Float32Array {
  const random = createRandom(7);
  const ranks = Array.from({ length: itemCount }, (_, rank) => rank);
  random.shuffle(ranks);
  return Float32Array.from({ length: itemCount + 1 }, (_, item) =>
    item === 0 ? 0 : Math.floor(itemCount / (1 + ranks[item - 1]!)),
  );
}

function nearest(directions: readonly Float32Array[], vector: Float32Array): number {
  let best = 0;
  let highest = -Infinity;
  directions.forEach((direction, position) => {
    const product = dot(direction, 0, vector, 0, vector.length);
    if (product > highest) [best, highest] = [position, product];
  });
  return best;
}
