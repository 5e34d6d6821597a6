const emptySlot = 0;

/**
 * Set of texts, stored as 64-bit fingerprints: 12 to 24 bytes per text of any length. Among 10 million texts, two share a
 * fingerprint with a probability of 3 in a million. Use the set to count duplicates, not to drop them.
 */
export class FingerprintSet {
  #slots = new Uint32Array(1 << 12);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a text and returns whether the text was new. */
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

  /** Returns the slot of a fingerprint, or the empty slot where it belongs. */
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

/** Returns two halves of 32 bits. The second half is odd, so no fingerprint equals an empty slot. */
function fingerprintOf(text: string): readonly [number, number] {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  // The final step of cyrb53 mixes each half with the other.
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return [high >>> 0, (low | 1) >>> 0];
}
