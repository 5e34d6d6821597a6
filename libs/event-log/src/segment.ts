import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

const newline = 0x0a;
const blockBytes = 1 << 20;
const namePattern = /^(\d{20})\.jsonl$/;

/** Returns the name of a segment file: the offset of its first event. */
export function segmentName(base: number): string {
  return `${String(base).padStart(20, '0')}.jsonl`;
}

/** Returns the first offset of a segment file, or `undefined` for any other file. */
export function segmentBase(name: string): number | undefined {
  const match = namePattern.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** Whether a file is the incomplete copy that replaces a segment. */
export function isSegmentCopy(name: string): boolean {
  return /^\d{20}\.jsonl\..+\.tmp$/.test(name);
}

/** The part of a segment with complete events. */
export interface SegmentExtent {
  readonly bytes: number;
  readonly events: number;
}

/**
 * Measures a segment from a known point to the first torn line: a line without a line end, or with NUL bytes. After a crash,
 * file systems leave NUL bytes where a file had grown before its data was written. JSON contains no NUL.
 */
export async function measureSegment(
  path: string,
  known: SegmentExtent = { bytes: 0, events: 0 },
): Promise<SegmentExtent> {
  const file = await open(path, 'r');
  try {
    let { bytes, events } = known;
    let position = bytes;
    for (;;) {
      const block = await readBlock(file, position);
      if (block.length === 0) return { bytes, events };
      const torn = block.indexOf(0);
      const whole = torn === -1 ? block : block.subarray(0, torn);
      for (let at = whole.indexOf(newline); at !== -1; at = whole.indexOf(newline, at + 1)) {
        bytes = position + at + 1;
        events++;
      }
      if (torn !== -1) return { bytes, events };
      position += block.length;
    }
  } finally {
    await file.close();
  }
}

/** The start of an event in a segment. */
export interface SegmentPosition {
  /** Number of earlier events in the segment. */
  readonly index: number;
  readonly byte: number;
}

/**
 * Reads up to `limit` lines from the event at `index` on, but not beyond `endByte`. The search for the event starts at `from`.
 * Returns the lines and the start of the next line.
 */
export async function readSegmentLines(
  path: string,
  query: { readonly from: SegmentPosition; readonly index: number; readonly limit: number; readonly endByte: number },
): Promise<{ readonly lines: readonly string[]; readonly next: SegmentPosition }> {
  const file = await open(path, 'r');
  try {
    const lines: string[] = [];
    let { index, byte } = query.from;
    let carry: Buffer = Buffer.alloc(0);
    let position = byte;
    while (position < query.endByte && lines.length < query.limit) {
      const read = await readBlock(file, position, Math.min(blockBytes, query.endByte - position));
      if (read.length === 0) break;
      position += read.length;
      const block = carry.length === 0 ? read : Buffer.concat([carry, read]);
      let start = 0;
      for (
        let end = block.indexOf(newline);
        end !== -1 && lines.length < query.limit;
        end = block.indexOf(newline, start)
      ) {
        if (index >= query.index) lines.push(block.toString('utf8', start, end));
        index++;
        byte += end + 1 - start;
        start = end + 1;
      }
      carry = block.subarray(start);
    }
    return { lines, next: { index, byte } };
  } finally {
    await file.close();
  }
}

async function readBlock(file: FileHandle, position: number, length = blockBytes): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
