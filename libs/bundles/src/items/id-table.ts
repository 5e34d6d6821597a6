import { hashText } from '@facet/features';
import { AppError } from '@facet/platform';
import type { TextColumn } from './text-column.ts';

/**
 * A hash table in one array: the item with the id t stands in the first free slot from `hashText(t) mod slots` on, and 0
 * is a free slot. At most half of the slots, a power of two, are taken.
 *
 * @param itemIds [N + 1], position 0 padding
 * @throws AppError `FEATURES_DUPLICATE_ITEM` when an id occurs twice.
 */
export function buildIdTable(itemIds: readonly string[]): Int32Array {
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(1, itemIds.length))));
  for (let item = 1; item < itemIds.length; item++) {
    const itemId = itemIds[item]!;
    let slot = hashText(itemId) & (slots.length - 1);
    while (slots[slot] !== 0) {
      if (itemIds[slots[slot]!] === itemId) {
        throw new AppError(`The item ${itemId} is there twice.`, {
          code: 'FEATURES_DUPLICATE_ITEM',
          category: 'internal',
        });
      }
      slot = (slot + 1) & (slots.length - 1);
    }
    slots[slot] = item;
  }
  return slots;
}

/** Asks a table for the index of an id. */
export function openIdTable(slots: Int32Array, itemIds: TextColumn): (itemId: string) => number | undefined {
  const mask = slots.length - 1;
  return (itemId) => {
    for (let probe = 0, slot = hashText(itemId) & mask; probe <= mask; probe++, slot = (slot + 1) & mask) {
      const item = slots[slot]!;
      if (item === 0) return undefined;
      if (itemIds.isAt(item, itemId)) return item;
    }
    return undefined;
  };
}
