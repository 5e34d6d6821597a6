import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { LogRecord } from '@facet/kafka';

/** The records of one request, which are stored and read together. */
export type SpooledBatch = readonly LogRecord[];

const newline = 0x0a;
/** Eight hex digits of the CRC-32, a space, eight digits of the number of records, a space. */
const checksumBytes = 9;
const headerBytes = 18;
const blockBytes = 1 << 20;

/** Encodes a batch as one line: the checksum of the rest, the number of records, and the records as JSON. */
export function encodeFrame(batch: SpooledBatch): Buffer {
  const content = Buffer.from(`${String(batch.length).padStart(8, '0')} ${JSON.stringify(batch)}`);
  return Buffer.concat([Buffer.from(`${checksumOf(content)} `), content, Buffer.of(newline)]);
}

/** Decodes the batch of an intact line. */
export function decodeFrame(line: Buffer): SpooledBatch {
  return JSON.parse(line.toString('utf8', headerBytes)) as readonly LogRecord[];
}

/** An intact line of a segment. */
export interface ReadFrame {
  /** Without its line end. */
  readonly line: Buffer;
  readonly records: number;
  /** The byte of the segment at which the next line begins. */
  readonly end: number;
}

/**
 * Yields the lines of a segment from byte `from` up to `to`, in order. Stops at the first line that is not intact: bytes
 * after the last successful append are undefined.
 */
export async function* readFrames(path: string, from: number, to: number): AsyncGenerator<ReadFrame> {
  const file = await open(path, 'r');
  try {
    let at = from;
    let carry: Buffer = Buffer.alloc(0);
    for (let position = from; position < to;) {
      const block = await readBlock(file, position, Math.min(blockBytes, to - position));
      if (block.length === 0) return;
      position += block.length;
      const bytes = carry.length === 0 ? block : Buffer.concat([carry, block]);
      let start = 0;
      for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
        const line = bytes.subarray(start, end);
        const records = countRecords(line);
        if (records === undefined) return;
        at += line.length + 1;
        start = end + 1;
        yield { line, records, end: at };
      }
      carry = bytes.subarray(start);
    }
  } finally {
    await file.close();
  }
}

/** Whether any intact line follows the line at `from`, which is not intact. */
export async function hasFrameAfter(path: string, from: number, to: number): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const bytes = await readBlock(file, from, to - from);
    for (let start = bytes.indexOf(newline) + 1; start > 0; start = bytes.indexOf(newline, start) + 1) {
      const end = bytes.indexOf(newline, start);
      if (end !== -1 && countRecords(bytes.subarray(start, end)) !== undefined) return true;
    }
    return false;
  } finally {
    await file.close();
  }
}

/** Truncates a segment durably. */
export async function truncateSegment(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Returns the number of records of a line, or `undefined` for a line that was not written completely. */
function countRecords(line: Buffer): number | undefined {
  if (line.length <= headerBytes) return undefined;
  if (checksumOf(line.subarray(checksumBytes)) !== line.toString('latin1', 0, checksumBytes - 1)) return undefined;
  return Number(line.toString('latin1', checksumBytes, headerBytes - 1));
}

async function readBlock(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** Eight hex digits of the CRC-32. */
export function checksumOf(content: Buffer | string): string {
  return crc32(content).toString(16).padStart(8, '0');
}
