import { AppError } from '@facet/platform';

/** Texts one after the other in UTF-8: text t is the bytes `offsets[t]` to `offsets[t + 1]`. */
export interface TextColumn {
  readonly count: number;
  at(position: number): string;
  /** Whether it is that text, without making a string of it where all is ASCII. */
  isAt(position: number, text: string): boolean;
}

export interface EncodedTexts {
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
