import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { decompressBlock } from 'lz4js';
import { uncompress as decompressSnappy } from 'snappyjs';

/** The largest decompressed batch. Batches have a few MiB, so a larger one would be an attack or damaged. */
export const batchBytesMax = 64 << 20;

/**
 * Decompresses a batch of Kafka within the bound. kafkajs reads only gzip, and without a bound.
 *
 * @param codec the number in the attributes of the batch
 * @throws Error if the batch is damaged or exceeds the bound
 */
export async function decompress(codec: number, data: Buffer): Promise<Buffer> {
  switch (codec) {
    case 0:
      return data;
    case 1:
      return readGzip(data);
    case 2:
      return bufferOf(readSnappy(data));
    case 3:
      return bufferOf(readLz4(data));
    case 4:
      return bufferOf(readZstandard(data));
    default:
      throw new Error(`The codec ${codec} is unknown.`);
  }
}

/** Java producers put blocks behind this magic number and two versions of four bytes. */
const javaMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const javaHeaderBytes = javaMagic.length + 8;

/** Reads Snappy, raw or in the blocks of Java producers: a length of four bytes, then the block. */
export function readSnappy(data: Buffer): Uint8Array {
  if (!data.subarray(0, javaMagic.length).equals(javaMagic)) return decompressSnappy(data, batchBytesMax);
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  for (let at = javaHeaderBytes; at < data.length;) {
    const end = at + 4 + data.readUInt32BE(at);
    const block = decompressSnappy(data.subarray(at + 4, end), batchBytesMax - bytes);
    blocks.push(block);
    bytes += block.length;
    at = end;
  }
  return Buffer.concat(blocks);
}

const lz4Magic = 0x184d2204;
const lz4Flags = { dictionary: 0x01, contentBytes: 0x08, blockChecksums: 0x10 } as const;

/** Reads an LZ4 frame. Ignores its checksums, because batches have their own. lz4js reads frames with block checksums wrongly. */
export function readLz4(frame: Buffer): Uint8Array {
  if (frame.readUInt32LE(0) !== lz4Magic) throw new Error('The batch is not an LZ4 frame.');
  const flags = frame.readUInt8(4);
  if ((flags & lz4Flags.dictionary) !== 0) throw new Error('LZ4 frames with a dictionary cannot be read.');
  const blockBytesMax = 1 << (8 + 2 * ((frame.readUInt8(5) >> 4) & 7));
  const checksumBytes = (flags & lz4Flags.blockChecksums) === 0 ? 0 : 4;
  let target = new Uint8Array(blockBytesMax);
  let bytes = 0;
  for (let at = (flags & lz4Flags.contentBytes) === 0 ? 7 : 15; ;) {
    const header = frame.readUInt32LE(at);
    if (header === 0) return target.subarray(0, bytes);
    const isCompressed = header >>> 31 === 0;
    const blockBytes = header & 0x7fffffff;
    at += 4;
    if (at + blockBytes > frame.length) throw new Error('The LZ4 frame ends within a block.');
    if (bytes + blockBytesMax > target.length) target = grow(target);
    const size = isCompressed ? sizeOfLz4Block(frame.subarray(at, at + blockBytes)) : blockBytes;
    if (size > blockBytesMax) throw new Error('A block of the LZ4 frame is larger than the frame allows.');
    if (bytes + size > batchBytesMax) throw tooLarge();
    if (isCompressed) decompressBlock(frame, target, at, blockBytes, bytes);
    else target.set(frame.subarray(at, at + blockBytes), bytes);
    bytes += size;
    at += blockBytes + checksumBytes;
  }
}

/** Returns the size of a block after decompression. lz4js would decompress a block of any size, and drop what does not fit. */
function sizeOfLz4Block(block: Buffer): number {
  let at = 0;
  const readLength = (nibble: number): number => {
    if (nibble < 15) return nibble;
    let length = nibble;
    for (let byte = 255; byte === 255; length += byte) byte = block.readUInt8(at++);
    return length;
  };
  let bytes = 0;
  while (at < block.length) {
    const token = block.readUInt8(at++);
    const literals = readLength(token >> 4);
    bytes += literals;
    at += literals;
    // The last sequence has only literals.
    if (at >= block.length) break;
    at += 2;
    bytes += 4 + readLength(token & 15);
  }
  return bytes;
}

function grow(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * bytes.length);
  larger.set(bytes);
  return larger;
}

export function readZstandard(frame: Buffer): Uint8Array {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const stream = new Decompress((part) => {
    bytes += part.length;
    if (bytes > batchBytesMax) throw tooLarge();
    parts.push(part);
  });
  stream.push(frame, true);
  return Buffer.concat(parts);
}

export async function readGzip(data: Buffer): Promise<Buffer> {
  return promisify(gunzip)(data, { maxOutputLength: batchBytesMax }).catch((error: unknown) => {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : error;
  });
}

export function tooLarge(): Error {
  return new Error(`The batch has more than ${batchBytesMax} bytes in memory.`);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
