import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BundleView } from '../bundle/bundle-view.ts';
import type { Bundle } from '../bundle/bundle.ts';
import { wasListed } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import { viewWithItems } from './overlay-delta.ts';

/** The facts of items in the live bundle and its delta. */
type LiveCatalog = Pick<
  BundleView,
  'deltaId' | 'info' | 'catalog' | 'deltaItems' | 'unavailable' | 'indexOf' | 'itemAt'
>;

/**
 * Returns a view of a bundle, such as that of an experiment arm, with the items that are live now. An item is available
 * if it is available in the live bundle with its delta, and has the titles and attributes of that delta. An item that
 * the live bundle does not know has left the catalog, if a catalog ever listed it.
 *
 * If the bundle has newer data than the live bundle and there is no delta, it may know more items, and an item is
 * withdrawn if either bundle withdraws it. New items of the delta are not added.
 *
 * The view carries the id of the delta. It does not copy or change the bundle, which must be closed last. The first
 * call for two bundles takes about one second per million items, in turns with the event loop; another delta of the
 * same live bundle takes milliseconds.
 */
export async function applyLiveCatalog(bundle: Bundle, live: LiveCatalog): Promise<BundleView> {
  const { deltaId } = live;
  const view = viewWithItems(bundle, await changedItems(bundle, live), bundle.itemCount);
  return { ...view, deltaId, close: () => undefined };
}

/** Returns the items of the bundle that differ in the live catalog, by index in the bundle. */
async function changedItems(bundle: Bundle, live: LiveCatalog): Promise<ReadonlyMap<number, CatalogItem>> {
  const indicesInLive = await findIndices(live.catalog, bundle.catalog);
  const isLiveNewer = live.deltaId !== undefined || live.info.asOf >= bundle.info.asOf;
  const items = new Map<number, CatalogItem>();
  let work = 0;
  for (let item = 1; item <= bundle.itemCount; item++) {
    const indexInLive = indicesInLive[item]!;
    const facts = liveFacts(bundle, live, { item, indexInLive, isLiveNewer });
    if (facts !== undefined) items.set(item, facts);
    work += facts === undefined && indexInLive > 0 ? 1 : lookUpWork;
    if (work < lookUpsPerTurn * lookUpWork) continue;
    work = 0;
    await yieldToEventLoop();
  }
  return items;
}

/** Returns undefined if the facts of the bundle apply. */
function liveFacts(
  bundle: Bundle,
  live: LiveCatalog,
  {
    item,
    indexInLive,
    isLiveNewer,
  }: { readonly item: number; readonly indexInLive: number; readonly isLiveNewer: boolean },
): CatalogItem | undefined {
  const liveItem = indexInLive > 0 ? indexInLive : live.indexOf(bundle.idOf(item));
  const wasAvailable = !bundle.unavailable.has(item);
  if (liveItem === undefined) {
    if (!wasAvailable || !isLiveNewer) return undefined;
    const facts = bundle.itemAt(item);
    return wasListed(facts) ? { ...facts, available: false } : undefined;
  }
  const isAvailable = !live.unavailable.has(liveItem);
  if (isAvailable === wasAvailable) return live.deltaItems.get(liveItem);
  return isAvailable && !isLiveNewer ? undefined : live.itemAt(liveItem);
}

/** Work between two turns of the event loop: number of lookups by id, and the cost of a lookup in bit comparisons. */
const [lookUpsPerTurn, lookUpWork] = [2_000, 25];

/** Weak, so that entries are collected with their catalogs. */
const cachedIndices = new WeakMap<ItemCatalog, WeakMap<ItemCatalog, Int32Array>>();

/** Returns the index of each item of `catalog` in `other`, [N + 1]; 0 if absent. Cached per pair of catalogs. */
async function findIndices(other: ItemCatalog, catalog: ItemCatalog): Promise<Int32Array> {
  let cached = cachedIndices.get(catalog);
  if (cached === undefined) cachedIndices.set(catalog, (cached = new WeakMap()));
  const known = cached.get(other);
  if (known !== undefined) return known;
  const indices = new Int32Array(catalog.itemCount + 1);
  for (let item = 1; item <= catalog.itemCount; item++) {
    indices[item] = other.indexOf(catalog.idOf(item)) ?? 0;
    if (item % lookUpsPerTurn === 0) await yieldToEventLoop();
  }
  cached.set(other, indices);
  return indices;
}
