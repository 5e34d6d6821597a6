/** A set of items, such as those that a filter allows. */
export interface AllowedItems {
  readonly count: number;
  /** Bitmap: item i is bit (i - 1) & 7 of byte (i - 1) >> 3. */
  readonly bitmap: Uint8Array;
  has(item: number): boolean;
  /** Returns the item indices in ascending order. Computed on demand. */
  items(): Int32Array;
}

/**
 * Returns the set of a bitmap.
 *
 * @param bitmap Bit (item - 1) & 7 of byte (item - 1) >> 3; bits beyond the last item must be 0. Not copied.
 * @param count Number of set bits, if known.
 */
export function allowedItems(bitmap: Uint8Array, count = countBits(bitmap)): AllowedItems {
  let items: Int32Array | undefined;
  return {
    count,
    bitmap,
    has: (item) => item > 0 && ((bitmap[(item - 1) >> 3] ?? 0) & (1 << ((item - 1) & 7))) !== 0,
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

/** Returns those of `size` items that pass a test. */
export function allowItems(size: number, isAllowed: (item: number) => boolean): AllowedItems {
  const bitmap = new Uint8Array(Math.ceil(size / 8));
  for (let row = 0; row < size; row++) if (isAllowed(row + 1)) bitmap[row >> 3]! |= 1 << (row & 7);
  return allowedItems(bitmap);
}

/** Returns the bitmap of the items 1 to `size`. */
export function fullBitmap(size: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(size / 8)).fill(0xff);
  if (size % 8 !== 0) bitmap[bitmap.length - 1] = (1 << (size % 8)) - 1;
  return bitmap;
}

/** Returns all item indices in ascending order. */
export function allItems(size: number): Int32Array {
  const items = new Int32Array(size);
  for (let row = 0; row < size; row++) items[row] = row + 1;
  return items;
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
