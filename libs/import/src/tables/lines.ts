import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { AppError } from '@facet/platform';
import { inputError } from '../input-error.ts';

export type LineFault = 'not-utf8' | 'line-too-long';

/** Consecutive lines without line ends. A faulty line has empty text and an entry in `faults` by its index. */
export interface LineBlock {
  /** One-based number of `lines[0]` in the file. */
  readonly firstLine: number;
  readonly lines: readonly string[];
  readonly faults: ReadonlyMap<number, LineFault>;
}

/** The longest valid line. Without a bound, a file without line ends would fill the memory. */
const lineBytesMax = 16 << 20;
const newline = 0x0a;
const noFaults: ReadonlyMap<number, LineFault> = new Map();

/**
 * Splits bytes into lines (LF or CRLF), decodes them as UTF-8 and drops a byte order mark. Invalid UTF-8 affects only its own
 * line.
 *
 * @param options.fallback The encoding of a line that is not UTF-8. Without it, the line is faulty.
 * @throws AppError `EVENTS_FILE_NOT_TEXT` for a binary file.
 */
export async function* readLines(
  bytes: AsyncIterable<Buffer>,
  path: string,
  { fallback }: { readonly fallback?: 'latin1' | undefined } = {},
): AsyncGenerator<LineBlock> {
  let firstLine = 1;
  let carry: Buffer[] = [];
  let carryBytes = 0;
  let overlong = false;
  let isStart = true;

  const blockOf = (block: Buffer): LineBlock => {
    const startsOverlong = overlong;
    overlong = false;
    const decoded = decodeLines(block, { firstLine, startsOverlong, fallback });
    firstLine += decoded.lines.length;
    return decoded;
  };

  for await (const chunk of bytes) {
    let rest = chunk;
    if (isStart) {
      rest = skipByteOrderMark(chunk, path);
      isStart = false;
    }
    const lastNewline = rest.lastIndexOf(newline);
    if (lastNewline === -1) {
      if (!overlong) carry.push(rest);
      carryBytes += rest.length;
    } else {
      yield blockOf(Buffer.concat([...carry, rest.subarray(0, lastNewline)]));
      carry = [rest.subarray(lastNewline + 1)];
      carryBytes = rest.length - lastNewline - 1;
    }
    if (carryBytes > lineBytesMax) {
      overlong = true;
      carry = [];
      carryBytes = 0;
    }
  }
  if (carryBytes > 0 || overlong) yield blockOf(Buffer.concat(carry));
}

function decodeLines(
  block: Buffer,
  options: { readonly firstLine: number; readonly startsOverlong: boolean; readonly fallback: 'latin1' | undefined },
): LineBlock {
  const { firstLine, startsOverlong, fallback } = options;
  if (!startsOverlong && isUtf8(block)) {
    return { firstLine, lines: splitText(block.toString('utf8')), faults: noFaults };
  }
  const faults = new Map<number, LineFault>();
  const lines: string[] = [];
  for (let start = 0, end; start <= block.length; start = end + 1) {
    end = block.indexOf(newline, start);
    if (end === -1) end = block.length;
    const line = block.subarray(start, end);
    if (startsOverlong && lines.length === 0) faults.set(0, 'line-too-long');
    else if (!isUtf8(line) && fallback === undefined) faults.set(lines.length, 'not-utf8');
    lines.push(faults.has(lines.length) ? '' : withoutReturn(line.toString(isUtf8(line) ? 'utf8' : fallback)));
  }
  return { firstLine, lines, faults };
}

function splitText(text: string): string[] {
  const lines = text.split('\n');
  if (text.includes('\r')) return lines.map(withoutReturn);
  return lines;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function skipByteOrderMark(chunk: Buffer, path: string): Buffer {
  if (chunk.subarray(0, 4096).includes(0)) {
    throw inputError(
      'EVENTS_FILE_NOT_TEXT',
      `${path} is a binary file.`,
      'Save the file as text: CSV, TSV or one JSON object per line. For UTF-16 set mapping.encoding to utf-16le.',
      { path },
    );
  }
  return chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? chunk.subarray(3) : chunk;
}

/**
 * Creates the decoder of an encoding, by its WHATWG label. Undefined for UTF-8.
 *
 * @throws AppError `EVENTS_ENCODING_UNKNOWN`
 */
export function createDecoder(encoding: string): TextDecoder | undefined {
  try {
    const decoder = new TextDecoder(encoding);
    return decoder.encoding === 'utf-8' ? undefined : decoder;
  } catch (error) {
    throw new AppError(`"${encoding}" is not an encoding.`, {
      code: 'EVENTS_ENCODING_UNKNOWN',
      category: 'usage',
      remedy: 'Correct mapping.encoding in facet.yaml: for example windows-1252, iso-8859-15, shift_jis or gb18030.',
      context: { encoding },
      cause: error,
    });
  }
}
