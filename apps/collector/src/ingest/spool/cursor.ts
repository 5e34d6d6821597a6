import { open } from 'node:fs/promises';
import { checksumOf } from './segment-file.ts';

/** Where a batch begins in the spool. Ordered by segment, then byte. */
export interface SpoolPosition {
  readonly segment: number;
  readonly byte: number;
}

/** Before every segment. */
const spoolStart: SpoolPosition = { segment: 0, byte: 0 };

/** A file with the position up to which the spool has been replayed. */
export interface Cursor {
  /** The position in the file when it was opened; the start of the spool if the file was not readable. */
  readonly initial: SpoolPosition;
  /** Resolves when the position is durable. */
  write(position: SpoolPosition): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the cursor file. Its only line is overwritten in place and never grows, so that it can be written on a full disk,
 * where only the replay frees space. After a torn write, some records are replayed twice, and nothing is lost.
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
