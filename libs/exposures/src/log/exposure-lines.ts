import { openToRead } from './exposure-layout.ts';

/** The whole lines of a file, many at a time. */
export interface LineBlock {
  readonly lines: readonly string[];
  /** Whether text without a line break stands at the end of the file: its process was killed while it wrote, or writes now. */
  readonly isTorn: boolean;
}

/** Reads a file of the log in blocks; nothing when it is gone. Line breaks are left out. */
export async function* readLines(path: string): AsyncGenerator<LineBlock> {
  const handle = await openToRead(path);
  if (handle === undefined) return;
  let rest = '';
  for await (const text of handle.createReadStream({ encoding: 'utf8', highWaterMark: 256 * 1024 })) {
    const lines = (rest + (text as string)).split('\n');
    rest = lines.pop()!;
    yield { lines, isTorn: false };
  }
  if (rest !== '') yield { lines: [], isTorn: true };
}
