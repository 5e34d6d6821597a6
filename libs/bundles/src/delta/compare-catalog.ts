import { isDeepStrictEqual } from 'node:util';
import { createBitmap, hasBit, setBit } from '@facet/retrieval';
import { wasListed } from '../items/item-catalog.ts';
import type { CatalogItem, ItemCatalog } from '../items/item-catalog.ts';
import type { DeltaContents, DeltaInfo } from './delta.ts';

/** The difference between a catalog and a bundle. */
export type CatalogDifference = Pick<DeltaContents, 'added' | 'changed'> & Pick<DeltaInfo, 'counts' | 'gone'>;

/** The earlier state that a comparison continues from. */
export interface CompareSources {
  /** Items known to have been removed from the catalog. The bundle may know them from events only. */
  readonly gone?: readonly string[] | undefined;
  /** The difference between the bundle and an earlier state of the catalog. Then only the items that may have changed since are added. */
  readonly before?: Omit<CatalogDifference, 'counts'> | undefined;
}

export interface CatalogComparison {
  /** Compares one item of the catalog; without `item`, an item that was removed. */
  add(itemId: string, item: CatalogItem | undefined): void;
  finish(): CatalogDifference;
}

/** Compares a catalog with the items of a bundle, one item at a time. Memory depends on the difference, and one bit per known item. */
export function compareCatalog(
  known: ItemCatalog,
  { gone: goneBefore = [], before }: CompareSources,
): CatalogComparison {
  const byId = (items: readonly CatalogItem[] = []) => new Map(items.map((item) => [item.itemId, item]));
  const [added, changed] = [byId(before?.added), byId(before?.changed)];
  const gone = new Set(before?.gone);
  const wasGone = new Set(goneBefore);
  const listed = createBitmap(known.itemCount);
  const withdraw = (index: number): void => {
    const was = known.itemAt(index);
    changed.delete(was.itemId);
    // An item that no catalog ever listed or removed is known from events only, and stays.
    if (!wasListed(was) && !wasGone.has(was.itemId) && !gone.has(was.itemId)) return;
    gone.add(was.itemId);
    if (was.available !== false) changed.set(was.itemId, { ...was, available: false });
  };
  return {
    add(itemId, item) {
      const index = known.indexOf(itemId);
      if (index === undefined) {
        if (item === undefined || item.available === false) added.delete(itemId);
        else added.set(itemId, item);
        return;
      }
      if (item === undefined) {
        gone.add(itemId);
        withdraw(index);
        return;
      }
      setBit(listed, index);
      gone.delete(itemId);
      if (changeOf(known.itemAt(index), item) === undefined) changed.delete(itemId);
      else changed.set(itemId, item);
    },
    finish() {
      if (before === undefined) {
        for (let index = 1; index <= known.itemCount; index++) if (!hasBit(listed, index)) withdraw(index);
      }
      const counts = { added: added.size, withdrawn: 0, returned: 0, changed: 0 };
      for (const item of changed.values()) {
        counts[changeOf(known.itemAt(known.indexOf(item.itemId)!), item) ?? 'changed']++;
      }
      return { added: sorted(added), changed: sorted(changed), counts, gone: [...gone].sort() };
    },
  };
}

function sorted(items: ReadonlyMap<string, CatalogItem>): CatalogItem[] {
  return [...items.values()].sort((a, b) => (a.itemId < b.itemId ? -1 : 1));
}

function changeOf(before: CatalogItem, now: CatalogItem): 'withdrawn' | 'returned' | 'changed' | undefined {
  const [was, is] = [before.available !== false, now.available !== false];
  if (was !== is) return is ? 'returned' : 'withdrawn';
  const isSame = before.title === now.title && isDeepStrictEqual(before.attributes, now.attributes);
  return isSame ? undefined : 'changed';
}
