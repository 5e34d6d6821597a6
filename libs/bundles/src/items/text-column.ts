import { hashText } from '@facet/features';
import { AppError } from '@facet/platform';

/** Texts one after the other in UTF-8: text t is the bytes `offsets[t]` to `offsets[t + 1]`. */
export interface TextColumn {
  readonly count: number;
  at(position: number): string;
  /** Whether it is that text, without making a string of it where all is ASCII. */
  isAt(position: number, text: string): boolean;
}

interface EncodedTexts {
  readonly bytes: Uint8Array;
  /** [count + 1] */
  readonly offsets: Int32Array;
}

const bytesMax = 2 ** 31 - 1;

/**
 * @param what they are, for the message
 * @throws AppError `BUNDLE_TOO_LARGE` for more than 2 GiB of text.
 */
export function encodeTexts(texts: readonly string[], what: string): EncodedTexts {
  const offsets = new Int32Array(texts.length + 1);
  let length = 0;
  texts.forEach((text, position) => {
    length += Buffer.byteLength(text);
    if (length > bytesMax) {
      throw new AppError(`${what} take more than 2 GiB of text.`, {
        code: 'BUNDLE_TOO_LARGE',
        category: 'input',
        remedy: 'Leave long texts out of the catalog: they are read with every bundle.',
      });
    }
    offsets[position + 1] = length;
  });
  const bytes = Buffer.alloc(length);
  texts.forEach((text, position) => bytes.write(text, offsets[position]!));
  return { bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, length), offsets };
}

/** Reads texts where they lie. */
export function openTexts({ bytes, offsets }: EncodedTexts): TextColumn {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = (position: number): string => buffer.toString('utf8', offsets[position], offsets[position + 1]);
  return {
    count: offsets.length - 1,
    at,
    isAt(position, text) {
      const start = offsets[position]!;
      const length = offsets[position + 1]! - start;
      // In UTF-8 a text has at least as many bytes as characters of UTF-16.
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
