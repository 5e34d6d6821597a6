/** The parts in use of packages without types. */
declare module 'lz4js' {
  /** Decompresses a block to `target`, from `targetStart`. Returns the index after it, which may be outside of `target`. */
  export function decompressBlock(
    source: Uint8Array,
    target: Uint8Array,
    start: number,
    length: number,
    targetStart: number,
  ): number;
  /** Compresses into a frame. */
  export function compress(data: Uint8Array): Uint8Array | number[];
}

declare module 'snappyjs' {
  /** Decompresses a raw block. Throws if it has more than `bytesMax` bytes. */
  export function uncompress(block: Uint8Array, bytesMax: number): Uint8Array;
  /** Compresses into a raw block. */
  export function compress(data: Uint8Array): Uint8Array;
}

declare module 'kafkajs/src/protocol/recordBatch/crc32C/index.js' {
  const crc32c: (data: Uint8Array) => number;
  export = crc32c;
}
