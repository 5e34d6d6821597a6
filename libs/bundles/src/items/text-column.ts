import { hashText } from '@facet/features';
import { AppError } from '@facet/platform';

/** Concatenated UTF-8 texts: text t is the bytes from `offsets[t]` to `offsets[t + 1]`. */
export interface TextColumn {
  readonly count: number;
  at(position: number): string;
  /** Compares a text without decoding it if both are ASCII. */
  isAt(position: number, text: string): boolean;
}

interface EncodedTexts {
  readonly bytes: Uint8Array;
  /** [count + 1] */
  readonly offsets: Int32Array;
}

const bytesMax = 2 ** 31 - 1;

/**
 * Encodes texts as a column.
 *
 * @param what Describes the texts in errors.
 * @throws AppError `BUNDLE_TOO_LARGE` for more than 2 GiB of text.
 */
export function encodeTexts(texts: readonly string[], what: string): EncodedTexts {
  const offsets = new Int32Array(texts.length + 1);
  let length = 0;
  texts.forEach((text, position) => {
    length += Buffer.byteLength(text);
    if (length > bytesMax) {
      throw new AppError(`${what} exceed 2 GiB of text.`, {
        code: 'BUNDLE_TOO_LARGE',
        category: 'input',
        remedy: 'Remove long texts from the catalog. Every process loads them with the bundle.',
      });
    }
    offsets[position + 1] = length;
  });
  const bytes = Buffer.alloc(length);
  texts.forEach((text, position) => bytes.write(text, offsets[position]!));
  return { bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, length), offsets };
}

/** Opens a text column without copying it. */
export function openTexts({ bytes, offsets }: EncodedTexts): TextColumn {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = (position: number): string => buffer.toString('utf8', offsets[position], offsets[position + 1]);
  return {
    count: offsets.length - 1,
    at,
    isAt(position, text) {
      const start = offsets[position]!;
      const length = offsets[position + 1]! - start;
      // UTF-8 has at least as many bytes as UTF-16 has units.
      if (length < text.length) return false;
      for (let character = 0; character < text.length; character++) {
        const code = text.charCodeAt(character);
        if (code > 127) return at(position) === text;
        if (bytes[start + character] !== code) return false;
      }
      return length === text.length;
    },
  };
}

/**
 * Builds a hash table with open addressing: an item is in the first free slot from `hashText(id) mod slots` on, and 0
 * marks a free slot. The number of slots is a power of two and at least twice the number of items.
 *
 * @param itemIds [N + 1]; index 0 is padding.
 * @throws AppError `FEATURES_DUPLICATE_ITEM` if an id occurs twice.
 */
export function buildIdTable(itemIds: readonly string[]): Int32Array {
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(1, itemIds.length))));
  for (let item = 1; item < itemIds.length; item++) {
    const itemId = itemIds[item]!;
    let slot = hashText(itemId) & (slots.length - 1);
    while (slots[slot] !== 0) {
      if (itemIds[slots[slot]!] === itemId) {
        throw new AppError(`The item ${itemId} occurs twice.`, {
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

/** Returns a lookup from id to item index. */
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
