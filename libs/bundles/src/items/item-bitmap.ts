import { allowedItems } from '@facet/retrieval';

/** A subset of the items 1..N. */
interface ItemSet {
  readonly size: number;
  has(item: number): boolean;
}

/** A set of items as a bitmap: item i is bit (i − 1) mod 8 of byte (i − 1) / 8, as an index search takes it. */
export interface ItemBitmap extends ItemSet {
  /** [⌈N / 8⌉]; bits beyond N are 0. */
  readonly bits: Uint8Array;
}

export function createBits(itemCount: number): Uint8Array {
  return new Uint8Array(Math.ceil(itemCount / 8));
}

export function setBit(bits: Uint8Array, item: number, isSet = true): void {
  const [byte, bit] = [(item - 1) >> 3, 1 << ((item - 1) & 7)];
  if (isSet) bits[byte]! |= bit;
  else bits[byte]! &= ~bit;
}

export function hasBit(bits: Uint8Array, item: number): boolean {
  return item > 0 && ((bits[(item - 1) >> 3]! >> ((item - 1) & 7)) & 1) === 1;
}

/** Returns the set of a bitmap, without copying it. */
export function bitmapOf(bits: Uint8Array): ItemBitmap {
  const { count, has } = allowedItems(bits);
  return { bits, size: count, has };
}
