import { buildUserSequences, launchAges, popularityFeatureCount, popularityFeatureNames } from '@facet/features';
import type { ItemVocabulary } from '@facet/features';
import { dayMs, isAppError } from '@facet/platform';
import { forTest } from '@facet/testing';
import { afterAll, describe, expect, it } from 'vitest';
import {
  embedNewItems,
  launchTables,
  loadBundle,
  loadBundleItems,
  loadDelta,
  overlayDelta,
  putDelta,
} from '../src/index.ts';
import type { Bundle, CatalogItem, Delta } from '../src/index.ts';
import {
  asOf,
  buildDeltaFromCatalog,
  bundleContents,
  catalogOf,
  newItems,
  openSmallBundles,
} from '../testing/small-bundle.ts';

const { bundleStore, bundles, close } = await openSmallBundles();
afterAll(close);

const catalog = bundleContents().items.slice(1);
/** 28 days after its launch, an item of any age has ten users. */
const curves = {
  byAge: Float32Array.from({ length: launchAges.length * popularityFeatureCount }, (_, cell) =>
    cell % popularityFeatureCount === popularityFeatureNames.indexOf('chosenEver') ? Math.log1p(10) : 0,
  ),
  byValue: {},
};
const idsOf = (items: readonly { readonly itemId: string }[]): string[] => items.map(({ itemId }) => itemId);

async function store(bundle: Bundle, items: readonly CatalogItem[]): Promise<Delta> {
  return loadDelta(bundleStore.store, await putDelta(bundleStore.store, buildDeltaFromCatalog(bundle, items)));
}

describe('a delta', () => {
  it('is equal for the same catalog in any order, and different for another catalog', async () => {
    const items = [...catalog, ...newItems(4)];
    const { id } = await store(bundles.facet, items);
    expect((await store(bundles.facet, items.toReversed())).id).toBe(id);
    expect((await store(bundles.facet, [...catalog, ...newItems(5)])).id).not.toBe(id);
    expect((await store(bundles.mind, items)).id).not.toBe(id);
  });

  it('is built from the facts of a bundle, and loads unchanged', async () => {
    const { id } = bundles.facet;
    const facts = await loadBundleItems(bundleStore.store, { kind: 'bundle', id });
    const contents = buildDeltaFromCatalog(facts, [...catalog, ...newItems(3)]);
    expect(contents).toEqual(buildDeltaFromCatalog(bundles.facet, [...catalog, ...newItems(3)]));
    const ref = await putDelta(bundleStore.store, contents);
    expect(await loadDelta(bundleStore.store, ref)).toEqual({ id: ref.id, ...contents });
    expect(contents.embeddings).toEqual(embedNewItems(facts, newItems(3)));
    expect(contents.vectors).toHaveLength(3 * facts.info.index.dim);
  });

  it('counts each change once, and distinguishes withdrawn from gone', async () => {
    const now = catalog
      .filter(({ itemId }) => itemId !== 'item1' && itemId !== 'item13')
      .map((item): CatalogItem => {
        if (item.itemId === 'item2') return { ...item, available: false, title: 'Sold out' };
        if (item.itemId === 'item7') return { itemId: 'item7', title: 'Back', attributes: {} };
        if (item.itemId === 'item3') return { ...item, attributes: { genre: 'space' } };
        // Equivalent, but explicit.
        return item.itemId === 'item4' ? { ...item, available: true } : item;
      });
    const { info, changed } = buildDeltaFromCatalog(bundles.facet, [
      ...now,
      ...newItems(2),
      { itemId: 'sold out already', available: false, attributes: {} },
    ]);
    expect(info.counts).toEqual({ added: 2, withdrawn: 2, returned: 1, changed: 1 });
    // Item 13 was withdrawn before it was removed.
    expect(info.gone).toEqual(['item1', 'item13']);
    expect(idsOf(changed)).toEqual(['item1', 'item2', 'item3', 'item7']);
  });

  it('withdraws an item known only from events if and only if it is known to be gone', async () => {
    const contents = bundleContents();
    const items = contents.items.map((item, at) => (at === 1 || at === 2 ? bare(at) : item));
    const facts = { ...contents, catalog: catalogOf(items), id: 'b'.repeat(32) };
    const now = catalog.slice(2);
    expect(buildDeltaFromCatalog(facts, now).info).toMatchObject({ counts: { withdrawn: 0 }, gone: [] });
    expect(buildDeltaFromCatalog(facts, now, { gone: ['item1', 'item999'] }).info).toMatchObject({
      counts: { withdrawn: 1 },
      gone: ['item1'],
    });
    expect(buildDeltaFromCatalog(facts, [...now, bare(1)], { gone: ['item1'] }).info).toMatchObject({
      counts: { withdrawn: 0 },
      gone: [],
    });
  });

  it('places new items after popular ones, and changes no other order', async () => {
    const view = await overlayDelta(bundles.facet, await store(bundles.facet, [...catalog, ...newItems(2)]));
    const attributes = { age: 'old' };
    const before = [...bundles.facet.popular.listFor({ attributes }).items];
    expect([...view.popular.listFor({ attributes }).items]).toEqual([
      ...before,
      catalog.length + 1,
      catalog.length + 2,
    ]);
    view.close();
  });

  it('places new and first chosen items by their interactions', async () => {
    const items = [...catalog, ...newItems(3)];
    const contents = bundleContents();
    contents.popularity.fill(0, 38);
    const bundle = forTest(await loadBundle(bundleStore.store, await bundleStore.put(contents)));
    const buyers = { new2: 18, new0: 2, item39: 7, item38: 9, item20: 20 };
    const today = Math.floor(asOf / dayMs) + 2;
    const sequencesOf = (vocabulary: ItemVocabulary) =>
      buildUserSequences(
        Object.entries(buyers).flatMap(([itemId, count]) =>
          Array.from({ length: count }, (_, user) => ({ userId: `buyer${user}`, itemId, occurredAt: asOf + user })),
        ),
        vocabulary,
      );
    const interactions = { today, itemIds: Object.keys(buyers), sequencesOf };
    const ref = await putDelta(bundleStore.store, buildDeltaFromCatalog(bundle, items, { interactions }));
    const delta = await loadDelta(bundleStore.store, ref);
    // The bundle knows interactions with item 20, and item 40 has none.
    expect(delta.info.chosen).toEqual(['item38', 'item39']);
    expect([...delta.popularity]).toEqual([9, 7, 2, 0, 18]);
    const unknown = { ...delta, info: { ...delta.info, chosen: ['item38', 'unknown'] } };
    await expect(overlayDelta(bundle, unknown)).rejects.toThrow('item unknown');
    const view = await overlayDelta(bundle, delta);
    const order = [...view.itemsByPopularity()];
    expect(new Set(order).size).toBe(items.length);
    const popularity = order.map((item) => view.popularityOf(item));
    expect(popularity).toEqual(popularity.toSorted((a, b) => b - a));
    expect(view.popularityOf(view.indexOf('new2')!)).toBe(18);
    expect(view.popularityOf(39)).toBe(7);
    expect(view.vectorOf(39).slice(0, -1)).toEqual(bundle.vectorOf(39).slice(0, -1));
    view.close();
  });

  it('adds the interactions of the bundle to those of items that it has known for a week', async () => {
    const contents = bundleContents();
    const bundle = forTest(await loadBundle(bundleStore.store, await bundleStore.put(contents)));
    const end = Math.floor(asOf / dayMs);
    const deltaOn = (today: number) => {
      // Items 3 and 7 were first seen 3 and 7 days before the end, item 8 a day earlier.
      const itemIds = ['item3', 'item7', 'item8'];
      const sequencesOf = (vocabulary: ItemVocabulary) =>
        buildUserSequences(
          itemIds.map((itemId) => ({ userId: 'buyer', itemId, occurredAt: (today - 1) * dayMs })),
          vocabulary,
        );
      return buildDeltaFromCatalog(bundle, catalog, { interactions: { today, itemIds, sequencesOf } });
    };
    const { info, popularity } = deltaOn(end + 1);
    expect(info.chosen).toEqual(['item3', 'item7']);
    expect([...popularity]).toEqual([contents.popularity[3]! + 1, contents.popularity[7]! + 1]);
    expect([...deltaOn(end + 29).popularity]).toEqual([...popularity]);
    expect([...deltaOn(end + 30).popularity]).toEqual([1, 1]);
  });

  it('expects of new items without a date only the share of such items that is launched', async () => {
    const contents = bundleContents();
    const popularityOf = (count: number, attributes: CatalogItem['attributes'] = {}) => {
      const added = Array.from({ length: count }, (_, item) => ({ itemId: `more${item}`, attributes }));
      const facts = { ...contents, itemTables: { ...contents.itemTables, ...launchTables(curves) } };
      const bundle = { ...facts, catalog: catalogOf(facts.items), id: 'b'.repeat(32) };
      const { vectors } = buildDeltaFromCatalog(bundle, [...catalog, ...added]);
      return vectors[bundle.info.index.dim - 1]!;
    };
    const whole = popularityOf(34, { createdAt: '2026-02-28' });
    const shareOf = (popularity: number): number => Math.expm1((popularity / whole) * Math.log1p(10)) / 10;
    // Of the items without a date, 37 were launched in the last 56 days, and 3 of the bundle have no interactions.
    expect(shareOf(popularityOf(34))).toBeCloseTo(1, 5);
    expect(shareOf(popularityOf(71))).toBeCloseTo(37 / 74, 5);
    expect(popularityOf(71, { createdAt: '2026-02-28' })).toBe(whole);
  });

  it('over its bundle returns the current facts of every item', async () => {
    const now: CatalogItem[] = [
      ...catalog.filter(({ itemId }) => itemId !== 'item2'),
      { itemId: 'item2', attributes: { size: ['s', 'm'] } },
      ...newItems(3),
    ];
    const view = await overlayDelta(bundles.facet, await store(bundles.facet, now));
    expect(view.itemCount).toBe(now.length);
    for (const expected of now) {
      const item = view.indexOf(expected.itemId)!;
      expect(view.itemAt(item)).toEqual(expected);
      expect(view.idOf(item)).toBe(expected.itemId);
      expect(view.titleOf(item)).toBe(expected.title);
      for (const name of ['genre', 'size', 'toString']) {
        const attribute = Object.entries(expected.attributes).find(([other]) => other === name)?.[1];
        expect(view.attributeOf(item, name)).toEqual(attribute);
      }
    }
    view.close();
  });

  it('is refused by another bundle', async () => {
    const delta = await store(bundles.facet, [...catalog.slice(1), ...newItems(2)]);
    const { info } = delta;
    const broken: [string, Delta][] = [
      ['belongs to bundle', { ...delta, info: { ...info, bundleId: bundles.mind.id } }],
      ['another width', { ...delta, info: { ...info, indexDim: info.indexDim + 1 } }],
      ['item item5', { ...delta, added: [{ itemId: 'item5', attributes: {} }] }],
      ['item unknown', { ...delta, changed: [{ itemId: 'unknown', attributes: {} }] }],
      ['twice', { ...delta, added: [...newItems(1), ...newItems(1)] }],
    ];
    for (const [problem, wrong] of broken) {
      const error: unknown = await overlayDelta(bundles.facet, wrong).catch((thrown: unknown) => thrown);
      expect(isAppError(error, 'DELTA_INVALID')).toBe(true);
      expect(String(error)).toContain(problem);
    }
    const short = { ...delta, info: { ...info, counts: { ...info.counts, added: 3 } } };
    await expect(loadDelta(bundleStore.store, await putDelta(bundleStore.store, short))).rejects.toThrow(
      '2 added items',
    );
  });
});

/** Returns an item with nothing but its id. */
function bare(item: number): CatalogItem {
  return { itemId: `item${item}`, attributes: {} };
}
