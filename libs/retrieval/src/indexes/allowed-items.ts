/** The items that a filter lets through. */
export interface AllowedItems {
  readonly count: number;
  /** Bit (item - 1) & 7 of byte (item - 1) >> 3, as a search takes it. */
  readonly bitmap: Uint8Array;
  has(item: number): boolean;
  /** Their indices, rising: found when they are asked for. */
  items(): Int32Array;
}

/**
 * @param bitmap bit (item - 1) & 7 of byte (item - 1) >> 3, and nothing beyond its end; kept, not copied.
 * @param count of its bits, where it is known.
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
        // The lowest bit that is set, and then without it: filters mostly leave few.
        for (let bits = bitmap[byte]!; bits !== 0; bits &= bits - 1) {
          found[next++] = byte * 8 + 32 - Math.clz32(bits & -bits);
        }
      }
      // Many take more memory than their bits, and are seldom scanned.
      if (found.byteLength <= bitmap.length) items = found;
      return found;
    },
  };
}

/** Those of `size` items that a test accepts. */
export function allowItems(size: number, isAllowed: (item: number) => boolean): AllowedItems {
  const bitmap = new Uint8Array(Math.ceil(size / 8));
  for (let row = 0; row < size; row++) if (isAllowed(row + 1)) bitmap[row >> 3]! |= 1 << (row & 7);
  return allowedItems(bitmap);
}

/** All item indices, rising, where nothing is left out. */
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
