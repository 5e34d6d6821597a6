import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { countRecords, frameEnd } from './frame.ts';

const blockBytes = 1 << 20;

/** A whole line of a segment. */
export interface ReadFrame {
  readonly line: Buffer;
  readonly records: number;
  /** Where in the segment the next one begins. */
  readonly end: number;
}

/**
 * The lines of a segment from byte `from` up to `to`, in order. Ends early at the first line that is not whole: what was
 * written after the last `append` that succeeded may be anything.
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
      for (let end = frameEnd(bytes, 0); end !== -1; end = frameEnd(bytes, start)) {
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

/** Whether a whole line stands anywhere behind the one that begins at `from` and is not whole. */
export async function hasFrameBehind(path: string, from: number, to: number): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const bytes = await readBlock(file, from, to - from);
    for (let start = frameEnd(bytes, 0) + 1; start > 0; start = frameEnd(bytes, start) + 1) {
      const end = frameEnd(bytes, start);
      if (end !== -1 && countRecords(bytes.subarray(start, end)) !== undefined) return true;
    }
    return false;
  } finally {
    await file.close();
  }
}

async function readBlock(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
