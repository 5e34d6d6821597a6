import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { spoolStart } from './spooled-record.ts';
import type { SpoolPosition } from './spooled-record.ts';

/** How far the spool has been replayed, kept in a file. */
export interface Cursor {
  /** What the file said when it was opened; the start where it said nothing that can be read. */
  readonly initial: SpoolPosition;
  /** Resolves when the position is durable. */
  write(position: SpoolPosition): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the cursor file. Its one line is written in place and never grows, so that it can still be written on a full disk,
 * where replaying is what makes room. A torn line costs a replay of what was replayed before, nothing else.
 */
export async function openCursor(path: string): Promise<Cursor> {
  const file = await open(path, 'a+').then(async (created) => {
    await created.close();
    return open(path, 'r+');
  });
  const write = async (position: SpoolPosition): Promise<void> => {
    await file.write(format(position), 0, 'utf8');
    await file.datasync();
  };
  try {
    const initial = parse(await file.readFile('utf8'));
    if (initial === undefined) await write(spoolStart);
    return { initial: initial ?? spoolStart, write, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function format({ segment, byte }: SpoolPosition): string {
  const text = `${String(segment).padStart(16, '0')} ${String(byte).padStart(16, '0')}`;
  return `${text} ${checksumOf(text)}\n`;
}

function parse(line: string): SpoolPosition | undefined {
  const [, text = '', segment, byte, checksum] = /^((\d{16}) (\d{16})) ([0-9a-f]{8})\n$/.exec(line) ?? [];
  return checksumOf(text) === checksum ? { segment: Number(segment), byte: Number(byte) } : undefined;
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
