/** Creates a bitmap of the items 1..N: item i is bit (i − 1) mod 8 of byte (i − 1) / 8, as in `AllowedItems`. */
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
