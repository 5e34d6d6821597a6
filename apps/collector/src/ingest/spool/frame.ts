import { crc32 } from 'node:zlib';
import type { LogRecord } from '@facet/kafka';
import type { SpooledBatch } from './spooled-record.ts';

const newline = 0x0a;
/** Eight hex digits of the CRC-32, a space, eight digits of the number of records, a space. */
const checksumBytes = 9;
const headerBytes = 18;

/** A batch as one line: the checksum of what follows, how many records there are, and the records as JSON. */
export function encodeFrame(batch: SpooledBatch): Buffer {
  const content = Buffer.from(`${String(batch.length).padStart(8, '0')} ${JSON.stringify(batch)}`);
  return Buffer.concat([Buffer.from(`${checksumOf(content)} `), content, Buffer.of(newline)]);
}

/** How many records a line holds, without its line end; undefined for a line that was not written whole. */
export function countRecords(line: Buffer): number | undefined {
  if (line.length <= headerBytes) return undefined;
  if (checksumOf(line.subarray(checksumBytes)) !== line.toString('latin1', 0, checksumBytes - 1)) return undefined;
  return Number(line.toString('latin1', checksumBytes, headerBytes - 1));
}

/** The batch of a line that is whole. */
export function decodeFrame(line: Buffer): SpooledBatch {
  return JSON.parse(line.toString('utf8', headerBytes)) as readonly LogRecord[];
}

/** Where the line that begins at `from` ends, or -1. JSON text holds no line end. */
export function frameEnd(block: Buffer, from: number): number {
  return block.indexOf(newline, from);
}

function checksumOf(content: Buffer): string {
  return crc32(content).toString(16).padStart(8, '0');
}
