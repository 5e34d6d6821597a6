/** A set of items, such as those that a filter allows. */
export interface ItemSet {
  readonly count: number;
  /** Item i is bit (i - 1) & 7 of byte (i - 1) >> 3, as {@link setBit} writes it. */
  readonly bitmap: Uint8Array;
  has(item: number): boolean;
  /** Returns the item indices in ascending order. Computed on demand. */
  items(): Int32Array;
}

/**
 * Returns the set of a bitmap.
 *
 * @param bitmap Bits beyond the last item must be 0. Not copied.
 * @param count Number of set bits, if known.
 */
export function itemSet(bitmap: Uint8Array, count = countBits(bitmap)): ItemSet {
  let items: Int32Array | undefined;
  return {
    count,
    bitmap,
    has: (item) => hasBit(bitmap, item),
    items() {
      if (items !== undefined) return items;
      const found = new Int32Array(count);
      let next = 0;
      for (let byte = 0; byte < bitmap.length; byte++) {
        // Clears the lowest set bit in each round, which is fast for sparse filters.
        for (let bits = bitmap[byte]!; bits !== 0; bits &= bits - 1) {
          found[next++] = byte * 8 + 32 - Math.clz32(bits & -bits);
        }
      }
      // Caches short lists only. Long lists take more memory than the bitmap and are rarely scanned.
      if (found.byteLength <= bitmap.length) items = found;
      return found;
    },
  };
}

/** Returns those of the items 1 to `size` that pass a test. */
export function selectItems(size: number, isWanted: (item: number) => boolean): ItemSet {
  const bitmap = createBitmap(size);
  for (let item = 1; item <= size; item++) if (isWanted(item)) setBit(bitmap, item);
  return itemSet(bitmap);
}

/** Returns the items of a set that are not among the removed ones. */
export function withoutItems(items: ItemSet, removed: Iterable<number>): ItemSet {
  let bitmap: Uint8Array | undefined;
  let { count } = items;
  for (const item of removed) {
    if (!hasBit(bitmap ?? items.bitmap, item)) continue;
    setBit((bitmap ??= items.bitmap.slice()), item, false);
    count--;
  }
  return bitmap === undefined ? items : itemSet(bitmap, count);
}

/** Returns all item indices in ascending order. */
export function allItems(size: number): Int32Array {
  const items = new Int32Array(size);
  for (let row = 0; row < size; row++) items[row] = row + 1;
  return items;
}

/** Creates the empty bitmap of the items 1 to `size`. */
export function createBitmap(size: number): Uint8Array {
  return new Uint8Array(Math.ceil(size / 8));
}

/** Returns the bitmap in which all items 1 to `size` are set. */
export function fullBitmap(size: number): Uint8Array {
  const bitmap = createBitmap(size).fill(0xff);
  if (size % 8 !== 0) bitmap[bitmap.length - 1] = (1 << (size % 8)) - 1;
  return bitmap;
}

export function setBit(bitmap: Uint8Array, item: number, isSet = true): void {
  const [byte, bit] = [(item - 1) >> 3, 1 << ((item - 1) & 7)];
  if (isSet) bitmap[byte]! |= bit;
  else bitmap[byte]! &= ~bit;
}

/** Returns whether an item is in a bitmap; false for items beyond its end. */
export function hasBit(bitmap: Uint8Array, item: number): boolean {
  return item > 0 && ((bitmap[(item - 1) >> 3] ?? 0) & (1 << ((item - 1) & 7))) !== 0;
}

function countBits(bitmap: Uint8Array): number {
  let count = 0;
  for (const byte of bitmap) count += bitsOfByte[byte]!;
  return count;
}

const bitsOfByte = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let bits = byte; bits !== 0; bits &= bits - 1) count++;
  return count;
});
