import { forFile, forTest } from '@facet/testing';
import { expect, it } from 'vitest';
import {
  compileFilter,
  loadBundle,
  loadDelta,
  noPopularLists,
  applyLiveCatalog,
  overlayDelta,
  putDelta,
} from '../src/index.ts';
import type { Bundle, BundleView, CatalogItem } from '../src/index.ts';
import { asOf, buildDeltaFromCatalog, bundleContents, createBundleStore } from '../testing/small-bundle.ts';

const bundleStore = forFile(await createBundleStore());

const contents = bundleContents();
const catalog = contents.items.slice(1);

/** Returns a bundle of these items with the model of the small bundle. */
async function bundleOf(items: readonly CatalogItem[], at = asOf): Promise<Bundle> {
  const info = { ...contents.info, asOf: at };
  const padded = [contents.items[0]!, ...items];
  const ref = await bundleStore.put({ ...contents, info, items: padded, popularLists: noPopularLists });
  return forTest(await loadBundle(bundleStore.store, ref));
}

/** Returns the bundle with the delta to this catalog. */
async function withDelta(bundle: Bundle, now: readonly CatalogItem[]): Promise<BundleView> {
  const ref = await putDelta(bundleStore.store, buildDeltaFromCatalog(bundle, now));
  return forTest(await overlayDelta(bundle, await loadDelta(bundleStore.store, ref)));
}

const unavailableOf = (view: BundleView): string[] =>
  Array.from({ length: view.itemCount }, (_, at) => at + 1)
    .filter((item) => view.unavailable.has(item))
    .map((item) => view.idOf(item));
const allowedBy = (view: BundleView, filter: Parameters<typeof compileFilter>[1]): string[] =>
  Array.from(compileFilter(view, filter).items(), (item) => view.idOf(item));
const withdrawn = (...itemIds: string[]): CatalogItem[] =>
  catalog.map((item) => (itemIds.includes(item.itemId) ? { ...item, available: false } : item));

it('withdraws items that the live bundle or its delta withdrew, at any index', async () => {
  const beside = await bundleOf(catalog.toReversed());
  const live = await withDelta(await bundleOf(withdrawn('item2')), withdrawn('item2', 'item30'));
  const view = await applyLiveCatalog(beside, live);
  expect(unavailableOf(beside).sort()).toEqual(['item13', 'item7']);
  expect(unavailableOf(view).sort()).toEqual(['item13', 'item2', 'item30', 'item7']);
  expect(allowedBy(view, { available: true })).toHaveLength(36);
  expect(view).toMatchObject({ id: beside.id, deltaId: live.deltaId, itemCount: 40 });
  expect(view.itemAt(view.indexOf('item30')!)).toMatchObject({ itemId: 'item30', available: false });
  // The bundle itself does not change.
  expect(unavailableOf(beside).sort()).toEqual(['item13', 'item7']);
});

it('restores items that are available again, with the facts of the delta', async () => {
  const beside = await bundleOf(catalog);
  const now = catalog.map((item): CatalogItem => {
    if (item.itemId === 'item7') return { ...item, available: true };
    return item.itemId === 'item3' ? { ...item, title: 'Three', attributes: { genre: 'space' } } : item;
  });
  const view = await applyLiveCatalog(beside, await withDelta(await bundleOf(withdrawn('item1')), now));
  expect(unavailableOf(view)).toEqual(['item13']);
  expect(view.titleOf(3)).toBe('Three');
  expect(allowedBy(view, { attributes: { genre: { in: ['space'] } } })).toEqual(['item3']);
});

it('withdraws items that the live bundle does not know, unless no catalog listed them or they are newer', async () => {
  const items = catalog.map((item): CatalogItem => {
    if (item.itemId === 'item5') return { ...item, itemId: 'left' };
    return item.itemId === 'item6' ? { itemId: 'by events', attributes: {} } : item;
  });
  const [before, after] = [await bundleOf(items, asOf - 1), await bundleOf(items, asOf + 1)];
  const live = await bundleOf(withdrawn('item1'));
  expect(unavailableOf(await applyLiveCatalog(before, live))).toEqual(['item1', 'left', 'item7', 'item13']);
  // A newer bundle knows more than the live one, but not about items that the live one withdrew.
  expect(unavailableOf(await applyLiveCatalog(after, live))).toEqual(['item1', 'item7', 'item13']);
  // A delta has the current catalog.
  expect(unavailableOf(await applyLiveCatalog(after, await withDelta(live, catalog)))).toEqual([
    'left',
    'item7',
    'item13',
  ]);
});

it('does not add items that only the delta has, and keeps items that it knows before the live bundle does', async () => {
  const beside = await bundleOf([...catalog.slice(0, 39), { itemId: 'new', title: 'New', attributes: {} }]);
  const live = await withDelta(await bundleOf(catalog), [
    ...catalog,
    { itemId: 'new', title: 'Newer', attributes: {} },
    { itemId: 'newest', title: 'Newest', attributes: {} },
  ]);
  const view = await applyLiveCatalog(beside, live);
  expect(view.itemCount).toBe(40);
  expect(view.indexOf('newest')).toBeUndefined();
  expect(view.unavailable.has(view.indexOf('new')!)).toBe(false);
  expect(view.titleOf(view.indexOf('new')!)).toBe('Newer');
});
