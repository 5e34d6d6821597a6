import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BundleView } from '../bundle/bundle-view.ts';
import type { Bundle } from '../bundle/bundle.ts';
import { wasListed } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import { viewWithItems } from './overlay-delta.ts';

/** What the live bundle, with its delta, says of items. */
type LiveItems = Pick<BundleView, 'deltaId' | 'info' | 'catalog' | 'deltaItems' | 'unavailable' | 'indexOf' | 'itemAt'>;

/**
 * A bundle that answers beside the live one, such as that of an arm, with what is offered now: its items are available when
 * they are so in the live bundle with its delta, and have the titles and attributes that this delta gives them. What the live
 * one does not know has left the catalog, if a catalog ever held it. Only a bundle of younger data than a live one without a
 * delta knows better: it may have more items, and may have withdrawn more. New items of the delta are not added.
 *
 * The same bundle, live bundle and delta give the same view; it names the delta. Nothing of the bundle is copied or
 * changed, and it must be closed last. The first time for two bundles takes about a second for a million items, in turns with
 * the event loop; another delta of the same live bundle some milliseconds.
 */
export async function offerAsLive(bundle: Bundle, live: LiveItems): Promise<BundleView> {
  const { deltaId } = live;
  const view = viewWithItems(bundle, await itemsAsLive(bundle, live), bundle.itemCount);
  return { ...view, ...(deltaId === undefined ? {} : { deltaId }), close: () => undefined };
}

/** The items of the bundle that are otherwise in the live one, by their index in the bundle. */
async function itemsAsLive(bundle: Bundle, live: LiveItems): Promise<ReadonlyMap<number, CatalogItem>> {
  const placesInLive = await placesIn(live.catalog, bundle.catalog);
  const isLiveNewer = live.deltaId !== undefined || live.info.asOf >= bundle.info.asOf;
  const items = new Map<number, CatalogItem>();
  let work = 0;
  for (let item = 1; item <= bundle.itemCount; item++) {
    const place = placesInLive[item]!;
    const facts = factsInLive(bundle, live, { item, place, isLiveNewer });
    if (facts !== undefined) items.set(item, facts);
    work += facts === undefined && place > 0 ? 1 : lookUpWork;
    if (work < lookUpsPerTurn * lookUpWork) continue;
    work = 0;
    await yieldToEventLoop();
  }
  return items;
}

/** Undefined where they are those of the bundle. */
function factsInLive(
  bundle: Bundle,
  live: LiveItems,
  { item, place, isLiveNewer }: { readonly item: number; readonly place: number; readonly isLiveNewer: boolean },
): CatalogItem | undefined {
  const inLive = place > 0 ? place : live.indexOf(bundle.idOf(item));
  const was = !bundle.unavailable.has(item);
  if (inLive === undefined) {
    if (!was || !isLiveNewer) return undefined;
    const facts = bundle.itemAt(item);
    return wasListed(facts) ? { ...facts, available: false } : undefined;
  }
  const is = !live.unavailable.has(inLive);
  if (is === was) return live.deltaItems.get(inLive);
  return is && !isLiveNewer ? undefined : live.itemAt(inLive);
}

/** Items that are looked up by their id before the event loop gets a turn; one takes as long as so many comparisons of bits. */
const [lookUpsPerTurn, lookUpWork] = [2_000, 25];

/** Catalogs go, and what was found out of them with them. */
const placesOf = new WeakMap<ItemCatalog, WeakMap<ItemCatalog, Int32Array>>();

/** [N + 1] where each item of a catalog is in another one; 0 where it is not. Kept while both catalogs are. */
async function placesIn(other: ItemCatalog, catalog: ItemCatalog): Promise<Int32Array> {
  let kept = placesOf.get(catalog);
  if (kept === undefined) placesOf.set(catalog, (kept = new WeakMap()));
  const known = kept.get(other);
  if (known !== undefined) return known;
  const places = new Int32Array(catalog.itemCount + 1);
  for (let item = 1; item <= catalog.itemCount; item++) {
    places[item] = other.indexOf(catalog.idOf(item)) ?? 0;
    if (item % lookUpsPerTurn === 0) await yieldToEventLoop();
  }
  kept.set(other, places);
  return places;
}
