/** The parts in use of packages without types. */
declare module 'lz4js' {
  /** Decompresses a frame. */
  export function decompress(frame: Uint8Array): Uint8Array | number[];
}

declare module 'snappyjs' {
  /** Decompresses a raw block. */
  export function uncompress(block: Uint8Array): Uint8Array;
}
