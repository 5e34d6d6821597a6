/** The parts in use of packages without types. */
declare module 'lz4js' {
  /** Decompresses a frame. */
  export function decompress(frame: Uint8Array): Uint8Array | number[];
  /** Returns the largest number of bytes that a frame can contain. */
  export function decompressBound(frame: Uint8Array): number;
  /** Compresses into a frame. */
  export function compress(data: Uint8Array): Uint8Array | number[];
}

declare module 'snappyjs' {
  /** Decompresses a raw block. Throws if it has more than `bytesMax` bytes. */
  export function uncompress(block: Uint8Array, bytesMax: number): Uint8Array;
  /** Compresses into a raw block. */
  export function compress(data: Uint8Array): Uint8Array;
}
