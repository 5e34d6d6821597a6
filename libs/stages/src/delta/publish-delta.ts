import { ifUsable } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { awaitsInteractions, buildDelta, compareCatalog, loadBundleItems, loadDelta, putDelta } from '@facet/bundles';
import type { BundleItems, CatalogDifference, Delta, DeltaContents, NewInteractions } from '@facet/bundles';
import { usedItemAttributes } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { createUnreadCounter, dropRareItems, orderTable, parsePositiveClauses, toUserSequences } from '@facet/features';
import type { UnreadAttribute } from '@facet/features';
import { openItemChanges, openLakeSnapshot, readInteractions, readItemsVersion, streamItems } from '@facet/lake';
import type { LakeSnapshot } from '@facet/lake';
import { dayMs } from '@facet/platform';
import { toCatalogItem } from '../dataset/build-dataset.ts';
import { tieSeed } from '../dataset/dataset.ts';
import type { StageContext } from '../stage.ts';
import { readDeltaMemo, writeDeltaMemo } from '@facet/runs';

/** A published delta. */
export interface DeltaResult {
  readonly deltaId: string;
  readonly bundleId: string;
  /** The number of items that are not in the bundle. */
  readonly added: number;
  /** The number of items of the bundle that are no longer available. */
  readonly withdrawn: number;
  /** The number of items of the bundle that are available again. */
  readonly returned: number;
  /** The number of items of the bundle with another title or other attributes. */
  readonly changed: number;
  /** The number of recent items of the bundle with later interactions. */
  readonly chosen: number;
  /** The attributes of items that the model reads, with `title` for the words of titles. */
  readonly readAttributes: readonly string[];
  /** The 20 most frequent attributes of added items that the model does not read. */
  readonly unreadAttributes: readonly UnreadAttribute[];
  /** The number of these attributes, up to 100. */
  readonly unreadAttributesCount: number;
}

/** The number of deltas to keep, so that recent responses can be replayed. */
const deltasKept = 10;

/**
 * Compares the catalog with the current bundle and publishes the difference as the reference `delta`. If both agree, publishes no
 * delta, or an empty one to replace an earlier one. Returns undefined if neither the items nor the version of the lake changed, and if no
 * bundle is current. An empty catalog counts as a missing one and changes nothing.
 *
 * Compares all items once for each bundle. Later calls compare those that were written since the last call.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`, and errors about a missing or damaged bundle.
 */
export async function publishDelta({ home, store, config }: StageContext): Promise<DeltaResult | undefined> {
  const bundle = await store.readRef('current');
  if (bundle === undefined) return undefined;
  const published = await store.readRef('delta');
  const catalog = await readItemsVersion(home.catalogFolder);
  if (catalog === undefined) return undefined;
  const memo = await readDeltaMemo(home.stagesFolder);
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const isSameBase = memo?.bundleId === bundle.id && memo.deltaId === (published?.id ?? null);
  const isLakeCurrent = memo?.awaitsInteractions === false || memo?.lakeVersion === snapshot.version;
  if (isSameBase && isLakeCurrent && memo.catalog.fingerprint === catalog.fingerprint) return undefined;
  if (await isEmptyCatalog(home.catalogFolder)) return undefined;
  const earlier = published === undefined ? emptyDelta : await readEarlier(store, published);
  const items = await loadBundleItems(store, bundle);
  // Without an earlier comparison, all items are compared.
  const after = isSameBase && earlier !== undefined ? memo.catalog : undefined;
  const { isContinued, changes } = await openItemChanges(home.catalogFolder, after);
  const comparison = compareCatalog(items.catalog, { gone: earlier?.gone, before: isContinued ? earlier : undefined });
  for await (const batch of changes) {
    for (const { id, record } of batch) comparison.add(id, record && toCatalogItem(record));
  }
  const difference = comparison.finish();
  const isLakeRead = awaitsInteractions(items, difference);
  const remember = (deltaId: string | null): Promise<void> =>
    writeDeltaMemo(home.stagesFolder, {
      bundleId: bundle.id,
      catalog,
      deltaId,
      lakeVersion: snapshot.version,
      awaitsInteractions: isLakeRead,
    });
  const interactions = isLakeRead ? await readNewInteractions(snapshot, items.info.asOf, config) : undefined;
  const delta = buildDelta(items, difference, { interactions, earlier: isContinued ? earlier : undefined });
  if (published === undefined && isEmpty(delta)) {
    await remember(null);
    return undefined;
  }
  const ref = await putDelta(store, delta);
  if (ref.id !== published?.id) {
    await store.writeRef('delta', ref);
    await store.prune('delta', { keep: deltasKept });
  }
  await remember(ref.id);
  return ref.id === published?.id ? undefined : describeDelta(ref.id, delta, items, config);
}

function isEmpty({ info: { gone, chosen, counts } }: DeltaContents): boolean {
  return gone.length + chosen.length === 0 && Object.values(counts).every((count) => count === 0);
}

function describeDelta(
  deltaId: string,
  { info, added }: DeltaContents,
  bundle: BundleItems,
  config: FacetConfig,
): DeltaResult {
  const readAttributes = bundle.info.spec.itemFeatures.map(({ name }) => name);
  const unread = createUnreadCounter();
  for (const { attributes } of added) unread.add(Object.keys(attributes));
  const { attributes: unreadAttributes, count: unreadAttributesCount } = unread.list({
    read: readAttributes,
    used: usedItemAttributes(config, bundle.info.asOf),
  });
  return {
    deltaId,
    bundleId: bundle.id,
    ...info.counts,
    chosen: info.chosen.length,
    readAttributes,
    unreadAttributes,
    unreadAttributesCount,
  };
}

async function isEmptyCatalog(catalogFolder: string): Promise<boolean> {
  for await (const items of streamItems(catalogFolder)) if (items.length > 0) return false;
  return true;
}

/** Reads the interactions since a bundle was built. */
async function readNewInteractions(
  snapshot: LakeSnapshot,
  asOf: number,
  { interactions: rules, dataset }: FacetConfig,
): Promise<NewInteractions> {
  const since = { occurredFrom: asOf };
  const positives = parsePositiveClauses(rules.positives);
  const read = await readInteractions(snapshot, since, { positives, bots: rules.bots }, dataset);
  const { table } = dropRareItems(orderTable(read, { ...rules, tieSeed }).table, rules.rareItems.minUsers);
  return {
    today: Math.floor(Math.max(asOf, read.newest.occurredAt) / dayMs) + 1,
    itemIds: Array.from(new Set(table.items), (item) => table.itemIds[item]!),
    sequencesOf: (vocabulary) => toUserSequences(table, vocabulary),
  };
}

/** An earlier delta of the bundle. */
type Earlier = Pick<Delta, 'added' | 'changed' | 'embeddings'> & Pick<CatalogDifference, 'gone'>;

const emptyDelta: Earlier = { added: [], changed: [], gone: [], embeddings: new Float32Array() };

/** Returns the published delta; undefined for an unreadable one, which is built again without withdrawn items of the past. */
async function readEarlier(store: ArtifactStore, ref: ArtifactRef): Promise<Earlier | undefined> {
  const delta = await ifUsable(() => loadDelta(store, ref));
  return delta && { ...delta, gone: delta.info.gone };
}
