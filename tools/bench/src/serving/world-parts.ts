import { bundleWeights } from '@facet/bundles';
import type { CatalogItem } from '@facet/bundles';
import { createBehaviorRows, createRandom, mix, writeBehaviorSequence } from '@facet/features';
import type { BehaviorRows, FeatureSchema } from '@facet/features';
import { facetModel, initializeWeights, unknownUser } from '@facet/model';
import type { InferenceEngine, ModelSpec } from '@facet/model';
import { dot } from '@facet/platform';
import type { VectorIndex } from '@facet/retrieval';

/** L of the performance targets. */
export const sequenceLength = 50;

/** The end of the world's data, in epoch milliseconds. */
export const worldEnd = Date.UTC(2026, 0, 1);

/**
 * Returns the untrained default variant, whose interests are near the user's behaviors. It has no popularity prior, so that an
 * index vector has 64 values.
 */
export function createWorldModel(itemCount: number, itemFeatures: readonly FeatureSchema[] = []) {
  const config = { ...facetModel, sequenceLength, popularityPrior: false };
  const spec: ModelSpec = { config, itemCount, itemFeatures: [...itemFeatures], userFeatures: [] };
  // The embeddings are generated separately, so the model's own table has a single item.
  const weights = initializeWeights({ ...spec, itemCount: 1 }, createRandom(1));
  return { spec, ...bundleWeights(weights) };
}

/** Returns behaviors as serving reads them from a request without times: one millisecond apart, after all data. */
export function behaviorRowsOf(items: Int32Array): BehaviorRows {
  const rows = createBehaviorRows(1, sequenceLength);
  const times = Array.from(items, (_, position) => worldEnd + 1 + position);
  const window = { items, times, start: 0, end: items.length };
  writeBehaviorSequence(rows, 0, window, { now: times.at(-1)!, distinct: facetModel.distinctBehaviors });
  return rows;
}

/** Returns [users * K, D] interests. @throws Error for a user with fewer than K interests. */
export function interestsOf(engine: InferenceEngine, users: readonly Int32Array[], dim: number): Float32Array {
  const { interests: count } = facetModel;
  const interests = new Float32Array(users.length * count * dim);
  users.forEach((items, user) => {
    const found = engine.interests(behaviorRowsOf(items), [], unknownUser);
    if (found.count !== count) throw new Error(`user ${user} has ${found.count} interests, not ${count}`);
    interests.set(found.vectors, user * count * dim);
  });
  return interests;
}

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

/** One taste per interest of the model. */
const tastesPerUser = 4;
/** Size of a taste: the nearest neighbors of one item. */
const neighborCount = 60;
const usersPerSearch = 16;

/**
 * Returns [L] distinct item indices per user, oldest first. A user alternates between a few tastes, each one item and its
 * neighbors.
 *
 * @param scan exact index of the items
 * @param vectors [N + 1, D] vectors of the index
 */
export async function drawUsers(scan: VectorIndex, vectors: Float32Array, count: number): Promise<Int32Array[]> {
  const { dim, size } = scan;
  const random = createRandom(5);
  const users: Int32Array[] = [];
  while (users.length < count) {
    const wanted = Math.min(usersPerSearch, count - users.length);
    const queries = new Float32Array(wanted * tastesPerUser * dim);
    for (let query = 0; query < wanted * tastesPerUser; query++) {
      const item = 1 + random.int(size);
      queries.set(vectors.subarray(item * dim, (item + 1) * dim), query * dim);
    }
    const depth = Math.min(size, neighborCount);
    const { ids } = await scan.search(queries, depth);
    for (let user = 0; user < wanted; user++) {
      const chosen = new Set<number>();
      const lists = Array.from({ length: tastesPerUser }, (_, taste) => {
        const first = (user * tastesPerUser + taste) * depth;
        const list = Array.from(ids.subarray(first, first + depth));
        random.shuffle(list);
        return list;
      });
      for (let turn = 0; chosen.size < sequenceLength; turn++) {
        const item = lists[turn % tastesPerUser]!.pop();
        if (item !== undefined && item > 0) chosen.add(item);
      }
      const items = Int32Array.from(chosen);
      random.shuffle(items);
      users.push(items);
    }
  }
  return users;
}
