import { overlayDelta } from '@facet/bundles';
import type { BundleView, CatalogItem } from '@facet/bundles';
import { asOf, buildDeltaFromCatalog, bundleContents, openSmallBundles } from '@facet/bundles/testing';
import { dayMs, hourMs } from '@facet/platform';
import { selectItems } from '@facet/retrieval';
import { afterAll, describe, expect, it } from 'vitest';
import { drawItems, insertAtRandom, poolOfList, poolOfSet, reserveSlots } from '../src/exploration.ts';
import type { ItemPool } from '../src/exploration.ts';
import { inferUser, recommend } from '../src/index.ts';
import type { ListQuery } from '../src/index.ts';

const draws = 4000;
const seeds = Array.from({ length: draws }, (_, draw) => `list ${draw}`);

/** Expects a share of the draws, within five standard deviations. */
function expectShare(count: number, share: number): void {
  expect(Math.abs(count / draws - share)).toBeLessThanOrEqual(5 * Math.sqrt((share * (1 - share)) / draws));
}

describe('reserveSlots', () => {
  it.each([
    [0.1, 4],
    [0.3, 5],
    [0.07, 100],
    [0, 10],
    [1, 3],
  ])('reserves a share of %d of %d slots on average', (share, limit) => {
    const mean = share * limit;
    const least = Math.floor(mean + 1e-6);
    const counts = seeds.map((seed) => reserveSlots({ share, seed }, limit).count);
    expect(counts.filter((count) => count !== least && count !== least + 1)).toEqual([]);
    expectShare(counts.filter((count) => count === least + 1).length, Math.max(0, mean - least));
  });
});

describe('drawItems', () => {
  const even = selectItems(100, (item) => item % 2 === 0);
  const few = selectItems(100, (item) => item >= 99);
  const pools: [name: string, pool: ItemPool, items: number[]][] = [
    ['a list', poolOfList([7, 3, 9, 4]), [3, 4, 7, 9]],
    ['a large set', poolOfSet(even, 100), Array.from({ length: 50 }, (_, index) => 2 * index + 2)],
    ['a small set', poolOfSet(few, 100), [99, 100]],
  ];

  it.each(pools)('draws each item of %s with the propensity that it returns', (_, pool, items) => {
    const counts = new Map<number, number>();
    let propensity = NaN;
    for (const seed of seeds) {
      const slots = reserveSlots({ share: 0.13, seed }, 20);
      const drawn = drawItems(pool, slots);
      expect(new Set(drawn.items).size).toBe(Math.min(slots.count, items.length));
      for (const item of drawn.items) counts.set(item, (counts.get(item) ?? 0) + 1);
      propensity = drawn.propensity;
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual(items);
    for (const count of counts.values()) expectShare(count, propensity);
  });
});

describe('insertAtRandom', () => {
  it('keeps the order of the list, and draws the index of each inserted item', () => {
    const counts = new Float64Array(5);
    for (const seed of seeds) {
      const result = insertAtRandom(['a', 'b', 'c'], ['x', 'y'], seed);
      expect(result.filter((item) => item < 'x')).toEqual(['a', 'b', 'c']);
      counts[result.indexOf('x')]!++;
    }
    for (const count of counts) expectShare(count, 1 / 5);
  });
});

const { bundles, close } = await openSmallBundles();
afterAll(close);
const bundle = bundles.facet;
/** Ten days after the build, items 1 to 20 are at most 30 days old. The last three items were never seen. */
const now = asOf + 10 * dayMs;
const newItems = Array.from({ length: bundle.itemCount }, (_, row) => row + 1)
  .filter((item) => item <= 20 || item > bundle.itemCount - 3)
  .filter((item) => !bundle.unavailable.has(item));
const chosen = [25, 31, 28, 35].map((item, position) => ({
  itemId: `item${item}`,
  occurredAt: asOf - (4 - position) * hourMs,
}));

/** Returns how often each new item is drawn, and the propensities. */
async function countDrawn(view: BundleView, request: Partial<ListQuery>) {
  const counts = new Map<string, number>();
  const propensities = new Set<number>();
  for (const seed of seeds) {
    const explore = { share: 0.2, maxAgeDays: 30, now, seed };
    const { items } = await recommend(view, { behaviors: [], now, limit: 8, explore, ...request });
    for (const { itemId, propensity } of items) {
      if (propensity === undefined) continue;
      counts.set(itemId, (counts.get(itemId) ?? 0) + 1);
      propensities.add(propensity);
    }
  }
  return { counts, propensities: [...propensities] };
}

describe('the drawn items', () => {
  it('are equally often each of the new items nearest to the interests, whatever their popularity', async () => {
    const { vectors, count } = inferUser(bundle, { behaviors: chosen, now }).interests;
    const { dim } = bundle.info.index;
    const { embeddingDim } = bundle.info.spec.config;
    expect(dim).toBe(embeddingDim + 1);
    const nearness = (item: number): number => {
      const vector = bundle.vectorOf(item);
      const products = Array.from({ length: count }, (_, k) =>
        vector.subarray(0, embeddingDim).reduce((sum, value, d) => sum + value * vectors[k * dim + d]!, 0),
      );
      return Math.max(...products);
    };
    // Of a list of 8 slots, 1.6 are reserved on average: the pool has 5 · 2 items.
    const pool = [...newItems].sort((a, b) => nearness(b) - nearness(a)).slice(0, 10);
    const { counts, propensities } = await countDrawn(bundle, { behaviors: chosen });
    expect([...counts.keys()].sort()).toEqual(pool.map((item) => `item${item}`).sort());
    expect(propensities).toEqual([0.16]);
    for (const drawn of counts.values()) expectShare(drawn, 0.16);
  });

  it('are equally often each new item for a user without interests', async () => {
    const { counts, propensities } = await countDrawn(bundle, { exclude: ['item3'] });
    const pool = newItems.filter((item) => item !== 3);
    expect([...counts.keys()].sort()).toEqual(pool.map((item) => `item${item}`).sort());
    expect(propensities).toEqual([1.6 / pool.length]);
    for (const drawn of counts.values()) expectShare(drawn, 1.6 / pool.length);
  });

  it('have the scores of a list without exploration', async () => {
    const request = { behaviors: chosen, now, limit: bundle.itemCount };
    const plain = await recommend(bundle, request);
    const explored = await recommend(bundle, { ...request, explore: { share: 0.2, now, seed: 'a' } });
    const scoresOf = ({ items }: typeof plain) => new Map(items.map(({ itemId, score }) => [itemId, score.toFixed(4)]));
    expect(explored.items.filter(({ reason }) => reason === 'new').length).toBeGreaterThan(0);
    expect(scoresOf(explored)).toEqual(scoresOf(plain));
  });

  it('leave the floors of a quota to the other slots', async () => {
    for (const seed of seeds.slice(0, 50)) {
      const { items } = await recommend(bundle, {
        behaviors: chosen,
        now,
        limit: 10,
        merge: { by: 'quota', floors: [4, 4] },
        explore: { share: 0.2, now, seed },
      });
      const others = items.filter(({ reason }) => reason === undefined).map(({ interest }) => interest);
      expect(others.toSorted()).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    }
  });

  it('can be items of a delta', async () => {
    const added: CatalogItem[] = [{ itemId: 'added', attributes: { genre: 'opera' } }];
    const catalog = [...bundleContents().items.slice(1), ...added];
    const delta = { id: 'd'.repeat(32), ...buildDeltaFromCatalog(bundle, catalog) };
    const view = await overlayDelta(bundle, delta);
    const { counts } = await countDrawn(view, {});
    view.close();
    expect(counts.has('added')).toBe(true);
  });
});
