import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import kafkajs from 'kafkajs';
import { decompress as decompressLz4, decompressBound } from 'lz4js';
import { uncompress as decompressSnappy } from 'snappyjs';

/** The largest decompressed batch. Batches have a few MiB, so a larger one would be an attack or damaged. */
const bytesMax = 64 << 20;

/** Java producers put blocks behind this magic number and two versions of four bytes. */
const javaMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const javaHeaderBytes = javaMagic.length + 8;

/** Reads Snappy, raw or in the blocks of Java producers: a length of four bytes, then the block. */
export function readSnappy(data: Buffer): Uint8Array {
  if (!data.subarray(0, javaMagic.length).equals(javaMagic)) return decompressSnappy(data, bytesMax);
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  for (let at = javaHeaderBytes; at < data.length;) {
    const end = at + 4 + data.readUInt32BE(at);
    const block = decompressSnappy(data.subarray(at + 4, end), bytesMax - bytes);
    blocks.push(block);
    bytes += block.length;
    at = end;
  }
  return Buffer.concat(blocks);
}

/** The fifth byte of a frame contains flags. lz4js reads frames with this flag wrongly. */
const blockChecksumFlag = 0x10;

export function readLz4(frame: Buffer): Uint8Array {
  if ((frame[4]! & blockChecksumFlag) !== 0) throw new Error('LZ4 frames with block checksums cannot be read.');
  if (decompressBound(frame) > bytesMax) throw tooLarge();
  return Uint8Array.from(decompressLz4(frame));
}

export function readZstandard(frame: Buffer): Uint8Array {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const stream = new Decompress((part) => {
    bytes += part.length;
    if (bytes > bytesMax) throw tooLarge();
    parts.push(part);
  });
  stream.push(frame, true);
  return Buffer.concat(parts);
}

/** Reads gzip like kafkajs, but within the bound. */
export async function readGzip(data: Buffer): Promise<Buffer> {
  return promisify(gunzip)(data, { maxOutputLength: bytesMax }).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : error;
  });
}

function tooLarge(): Error {
  return new Error(`A batch of messages has more than ${bytesMax} bytes.`);
}

/**
 * Lets kafkajs read LZ4, Snappy and Zstandard, which it cannot read without a library, and bounds batches of gzip. Facet writes gzip only. Call it before the
 * first consumer; more calls have no effect.
 */
export function addCompressionCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const reader = (decompress: (data: Buffer) => Uint8Array) => () => ({
    decompress: async (data: Buffer) => Buffer.from(decompress(data)),
    compress: async () => Promise.reject(new Error('Facet compresses with gzip only.')),
  });
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    decompress: readGzip,
    compress: async (encoder: { readonly buffer: Buffer }) => promisify(gzip)(encoder.buffer),
  });
  CompressionCodecs[CompressionTypes.Snappy] = reader(readSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = reader(readLz4);
  CompressionCodecs[CompressionTypes.ZSTD] = reader(readZstandard);
}
