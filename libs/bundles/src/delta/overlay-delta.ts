import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { createItemScorer, createInferenceEngine } from '@facet/model';
import { oncePerKey } from '@facet/platform';
import type { AppError } from '@facet/platform';
import { buildFaissIndex, createBitmap, itemSet, joinIndexes, setBit } from '@facet/retrieval';
import type { Bundle } from '../bundle/bundle.ts';
import { scoringOf } from '../bundle/bundle-info.ts';
import type { BundleView } from '../bundle/bundle-info.ts';
import { createdDay, wasListed } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import { createPopular } from '../popularity/popular-lists.ts';
import { invalidDelta } from './delta.ts';
import type { Delta } from './delta.ts';

/**
 * Returns a view of a bundle with its delta. The N items of the bundle keep their indices; added items start at N + 1.
 *
 * A search scans the added items in addition to the bundle's index. Behavior sequences can contain added items. The scan also
 * replaces the vectors of first chosen items. A search never returns withdrawn items. Titles and attributes are current. The view
 * neither copies nor changes the bundle, so the bundle may have other views; close it last. For an empty delta, returns the bundle
 * itself, without a deltaId.
 *
 * @throws AppError `DELTA_INVALID` if the delta does not match the bundle.
 */
export async function overlayDelta(bundle: Bundle, delta: Delta): Promise<BundleView> {
  checkFit(bundle, delta);
  const { added, changed, popularity } = delta;
  // First chosen and added items have a popularity.
  if (popularity.length === 0 && changed.length === 0) return { ...bundle, close: () => undefined };
  const { deltaItems, addedIndices } = await placeItems(bundle, delta);
  return {
    ...viewWithItems(bundle, deltaItems, bundle.itemCount + added.length),
    deltaId: delta.id,
    ...(popularity.length === 0 ? { close: () => undefined } : await withDeltaRows(bundle, delta, addedIndices)),
  };
}

/** Returns a view of the bundle with other facts for some items, and possibly with added items. */
function viewWithItems(bundle: Bundle, deltaItems: BundleView['deltaItems'], itemCount: number): BundleView {
  return {
    ...bundle,
    deltaItems,
    unavailable: unavailableNow(bundle, deltaItems, itemCount),
    idOf: (item) => (item > bundle.itemCount ? deltaItems.get(item)!.itemId : bundle.idOf(item)),
    titleOf(item) {
      const now = deltaItems.get(item);
      return now === undefined ? bundle.titleOf(item) : now.title;
    },
    attributeOf(item, name) {
      const now = deltaItems.get(item);
      if (now === undefined) return bundle.attributeOf(item, name);
      return Object.hasOwn(now.attributes, name) ? now.attributes[name] : undefined;
    },
    itemAt: (item) => deltaItems.get(item) ?? bundle.itemAt(item),
  };
}

function checkFit({ id, info }: Bundle, delta: Delta): void {
  const { bundleId, embeddingDim, indexDim } = delta.info;
  if (bundleId !== id) throw invalidDelta(delta.id, `it belongs to bundle ${bundleId}, not to ${id}`);
  if (embeddingDim !== info.spec.config.embeddingDim || indexDim !== info.index.dim) {
    throw invalidDelta(delta.id, 'its vectors have another width than those of the bundle');
  }
}

/** Items processed between two turns of the event loop. */
const itemsPerTurn = 2000;

/** Returns the items of the delta by index, and the indices of added items by id. */
async function placeItems(
  { itemCount, indexOf }: Bundle,
  { id, added, changed }: Delta,
): Promise<{
  readonly deltaItems: ReadonlyMap<number, CatalogItem>;
  readonly addedIndices: ReadonlyMap<string, number>;
}> {
  const deltaItems = new Map<number, CatalogItem>();
  const addedIndices = new Map<string, number>();
  for (const item of changed) {
    const index = indexOf(item.itemId);
    if (index === undefined) throw misplacedItem(id, item.itemId);
    deltaItems.set(index, item);
    if (deltaItems.size % itemsPerTurn === 0) await yieldToEventLoop();
  }
  for (const item of added) {
    if (indexOf(item.itemId) !== undefined) throw misplacedItem(id, item.itemId);
    if (addedIndices.has(item.itemId)) throw invalidDelta(id, 'it contains an added item twice');
    addedIndices.set(item.itemId, itemCount + 1 + addedIndices.size);
    deltaItems.set(itemCount + addedIndices.size, item);
    if (addedIndices.size % itemsPerTurn === 0) await yieldToEventLoop();
  }
  return { deltaItems, addedIndices };
}

function misplacedItem(deltaId: string, itemId: string): AppError {
  return invalidDelta(deltaId, `item ${itemId} is listed as new, changed or chosen, but is not`);
}

function unavailableNow(
  { unavailable }: Bundle,
  deltaItems: BundleView['deltaItems'],
  itemCount: number,
): BundleView['unavailable'] {
  const bits = createBitmap(itemCount);
  bits.set(unavailable.bitmap);
  for (const [item, { available }] of deltaItems) setBit(bits, item, available === false);
  return itemSet(bits);
}

/** Returns the members of a view that read the delta's rows of first chosen items and of added items. */
async function withDeltaRows(
  bundle: Bundle,
  delta: Delta,
  addedIndices: ReadonlyMap<string, number>,
): Promise<Partial<BundleView>> {
  const { info, tower, embeddings, byPopularity, popularity } = bundle;
  const { added, vectors } = delta;
  const { dim } = info.index;
  const first = bundle.itemCount + 1;
  const chosen = delta.info.chosen.map((itemId) => {
    const item = bundle.indexOf(itemId);
    if (item === undefined) throw misplacedItem(delta.id, itemId);
    return item;
  });
  const rows = new Map([...chosen, ...addedIndices.values()].map((item, row) => [item, row]));
  const scan = await buildFaissIndex(vectors, dim, { kind: 'flat' });
  const popularityOf = (item: number): number => {
    const row = rows.get(item);
    return row === undefined ? popularity[item]! : delta.popularity[row]!;
  };
  const newByPopularity = [...rows.keys()].sort((a, b) => popularityOf(b) - popularityOf(a) || a - b);
  function* itemsByPopularity(): Generator<number> {
    let next = 0;
    for (const item of byPopularity) {
      if (rows.has(item)) continue;
      while (next < newByPopularity.length && popularityOf(newByPopularity[next]!) > popularity[item]!) {
        yield newByPopularity[next++]!;
      }
      yield item;
    }
    // Items without interactions come last.
    yield* newByPopularity.slice(next);
  }
  return {
    itemCount: bundle.itemCount + added.length,
    engine: createInferenceEngine(info.spec, tower, embeddings, delta.embeddings),
    index: joinIndexes(bundle.index, scan, chosen),
    indexOf: (itemId) => bundle.indexOf(itemId) ?? addedIndices.get(itemId),
    itemsByPopularity,
    popularityOf,
    firstSeenOn: (item) => (item >= first ? createdDay(added[item - first]!.attributes) : bundle.firstSeenOn(item)),
    popular: createPopular(bundle.popularLists, itemsByPopularity),
    vectorOf(item) {
      const row = rows.get(item);
      return row === undefined ? bundle.vectorOf(item) : vectors.subarray(row * dim, (row + 1) * dim);
    },
    createItemScorer: (interests) => {
      const scoreItem = bundle.createItemScorer(interests);
      const scoreRow = createItemScorer(interests, vectors, scoringOf(info));
      return (item) => {
        const row = rows.get(item);
        return row === undefined ? scoreItem(item) : scoreRow(row);
      };
    },
    close: () => scan.close(),
  };
}

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
 * withdrawn if either bundle withdraws it. The view leaves out added items of the delta.
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
  const indicesInLive = await indicesOf(bundle.catalog)(live.catalog);
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

/** Returns a function that finds the index of each item of `catalog` in `other`, [N + 1]; 0 if absent. */
const indicesOf = oncePerKey((catalog: ItemCatalog) => oncePerKey((other: ItemCatalog) => findIndices(catalog, other)));

async function findIndices(catalog: ItemCatalog, other: ItemCatalog): Promise<Int32Array> {
  const indices = new Int32Array(catalog.itemCount + 1);
  for (let item = 1; item <= catalog.itemCount; item++) {
    indices[item] = other.indexOf(catalog.idOf(item)) ?? 0;
    if (item % lookUpsPerTurn === 0) await yieldToEventLoop();
  }
  return indices;
}
