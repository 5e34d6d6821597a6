import { decompress as decompressZstandard } from 'fzstd';
import kafkajs from 'kafkajs';
import { decompress as decompressLz4 } from 'lz4js';
import { uncompress as decompressSnappy } from 'snappyjs';

/** Java producers put blocks behind this magic number and two versions of four bytes. */
const javaMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const javaHeaderBytes = javaMagic.length + 8;

/** Reads Snappy, raw or in the blocks of Java producers: a length of four bytes, then the block. */
function readSnappy(data: Buffer): Buffer {
  if (!data.subarray(0, javaMagic.length).equals(javaMagic)) return Buffer.from(decompressSnappy(data));
  const blocks: Uint8Array[] = [];
  for (let at = javaHeaderBytes; at < data.length;) {
    const end = at + 4 + data.readUInt32BE(at);
    blocks.push(decompressSnappy(data.subarray(at + 4, end)));
    at = end;
  }
  return Buffer.concat(blocks);
}

/**
 * Lets kafkajs read LZ4, Snappy and Zstandard, which it cannot read without a library. Facet writes none of them. Call it before the
 * first consumer; more calls have no effect.
 */
export function addCompressionCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const reader = (decompress: (data: Buffer) => Uint8Array) => () => ({
    decompress: async (data: Buffer) => Buffer.from(decompress(data)),
    compress: async () => Promise.reject(new Error('Facet compresses with gzip only.')),
  });
  CompressionCodecs[CompressionTypes.Snappy] = reader(readSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = reader((data) => Uint8Array.from(decompressLz4(data)));
  CompressionCodecs[CompressionTypes.ZSTD] = reader((data) => decompressZstandard(data));
}
