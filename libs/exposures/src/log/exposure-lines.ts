import { openToRead } from './exposure-layout.ts';

/** The whole lines of a file, many at a time. */
export interface LineBlock {
  readonly lines: readonly string[];
  /** Whether text without a line break stands at the end of the file: its process was killed while it wrote, or writes now. */
  readonly isTorn: boolean;
}

/**
 * Reads a file of the log in blocks; nothing when it is gone. Line breaks are left out.
 *
 * @param options.containing only blocks with this text are of interest; looking for it costs a fraction of dividing into lines.
 */
export async function* readLines(
  path: string,
  { containing }: { readonly containing?: string } = {},
): AsyncGenerator<LineBlock> {
  const handle = await openToRead(path);
  if (handle === undefined) return;
  let rest = '';
  for await (const text of handle.createReadStream({ encoding: 'utf8', highWaterMark: 256 * 1024 })) {
    const block = rest + (text as string);
    const end = block.lastIndexOf('\n') + 1;
    rest = block.slice(end);
    if (end === 0 || (containing !== undefined && !block.includes(containing))) continue;
    yield { lines: block.slice(0, end - 1).split('\n'), isTorn: false };
  }
  if (rest !== '') yield { lines: [], isTorn: true };
}
