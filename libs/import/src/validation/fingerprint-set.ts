const emptySlot = 0;

/**
 * A set of texts by 64-bit fingerprint, at 12 to 24 bytes each however long they are. Two texts of 10 million have the same
 * fingerprint with a probability of 3 in a million: good for counting duplicates, not for dropping any.
 */
export class FingerprintSet {
  #slots = new Uint32Array(1 << 12);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether the text was new. */
  add(text: string): boolean {
    if ((this.#size + 1) * 3 > this.#slots.length) this.#grow();
    const [high, low] = fingerprintOf(text);
    const isNew = this.#insert(high, low);
    if (isNew) this.#size++;
    return isNew;
  }

  has(text: string): boolean {
    const [high, low] = fingerprintOf(text);
    return this.#slots[this.#slotOf(high, low) * 2 + 1] !== emptySlot;
  }

  #insert(high: number, low: number): boolean {
    const slot = this.#slotOf(high, low);
    if (this.#slots[slot * 2 + 1] !== emptySlot) return false;
    this.#slots[slot * 2] = high;
    this.#slots[slot * 2 + 1] = low;
    return true;
  }

  /** Where a fingerprint is, or would be: then the slot is empty. */
  #slotOf(high: number, low: number): number {
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    for (let slot = high & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot * 2 + 1];
      if (found === emptySlot || (found === low && slots[slot * 2] === high)) return slot;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let index = 0; index < old.length; index += 2) {
      const low = old[index + 1] as number;
      if (low !== emptySlot) this.#insert(old[index] as number, low);
    }
  }
}

/** Two halves of 32 bits. The second is odd, so that no fingerprint looks like an empty slot. */
function fingerprintOf(text: string): readonly [number, number] {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  // cyrb53's finish: each half is mixed with the other.
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return [high >>> 0, (low | 1) >>> 0];
}
