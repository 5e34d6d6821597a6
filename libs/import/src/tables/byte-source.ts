import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { isAppError } from '@facet/platform';
import { Decompress } from 'fzstd';
import { inputError } from '../input-error.ts';
import { createDecoder, readLines } from './lines.ts';
import type { LineBlock } from './lines.ts';

/** The container of a file, by its first bytes rather than by its name. */
export type FileContainer = 'plain' | 'gzip' | 'zstd' | 'parquet' | 'zip';

export interface FileFacts {
  readonly container: FileContainer;
  readonly bytes: number;
}

/**
 * Reads the size of a file and its container from its first bytes.
 *
 * @throws AppError `EVENTS_FILE_UNREADABLE` when the file is missing, a folder, or not permitted.
 */
export async function inspectFile(path: string): Promise<FileFacts> {
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error('it is not a regular file');
      const head = Buffer.alloc(4);
      await file.read(head, 0, 4, 0);
      return { container: containerOf(head), bytes: stat.size };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw inputError(
      'EVENTS_FILE_UNREADABLE',
      `Cannot read ${path}: ${(error as Error).message}.`,
      'Check the path and the permissions of the file.',
      { path },
      error,
    );
  }
}

function containerOf(head: Buffer): FileContainer {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head.readUInt32LE() === 0xfd2fb528) return 'zstd';
  const magic = head.toString('latin1');
  if (magic === 'PAR1') return 'parquet';
  if (magic === 'PK\u0003\u0004') return 'zip';
  return 'plain';
}

export interface ReadBytesOptions {
  /** Called with the bytes read so far from the disk, before decompression. */
  readonly onBytes?: ((bytesRead: number) => void) | undefined;
  /** The encoding of the text, by its WHATWG label. Without it, UTF-8, or UTF-16 with a byte order mark. */
  readonly encoding?: string | undefined;
}

const blockBytes = 1 << 20;

/**
 * Streams the text of a file in blocks of UTF-8, after decompression.
 *
 * @throws AppError `EVENTS_FILE_DAMAGED` when compressed data is truncated or corrupt, `EVENTS_ENCODING_UNKNOWN`.
 */
export async function* readBytes(
  path: string,
  { container }: FileFacts,
  options: ReadBytesOptions = {},
): AsyncGenerator<Buffer> {
  const raw = createReadStream(path, { highWaterMark: blockBytes });
  if (options.onBytes !== undefined) {
    let bytesRead = 0;
    raw.on('data', (chunk) => options.onBytes?.((bytesRead += chunk.length)));
    raw.pause();
  }
  let stream: Readable = raw;
  if (container === 'gzip') {
    const gunzip = createGunzip({ chunkSize: blockBytes });
    raw.on('error', (error) => gunzip.destroy(error));
    stream = raw.pipe(gunzip);
  }
  try {
    const blocks = container === 'zstd' ? decompressZstd(stream) : (stream as AsyncIterable<Buffer>);
    yield* asUtf8(blocks, options.encoding);
  } catch (error) {
    if (isAppError(error)) throw error;
    const isDamaged =
      container === 'zstd' || (container === 'gzip' && String((error as NodeJS.ErrnoException).code).startsWith('Z_'));
    const { message } = error as Error;
    throw inputError(
      isDamaged ? 'EVENTS_FILE_DAMAGED' : 'EVENTS_FILE_UNREADABLE',
      isDamaged ? `The ${container} file ${path} is damaged: ${message}.` : `Cannot read ${path}: ${message}.`,
      isDamaged
        ? `Download or compress the file again until "${container} -t" accepts it.`
        : 'Check the disk and the permissions of the file.',
      { path },
      error,
    );
  } finally {
    raw.destroy();
    stream.destroy();
  }
}

/** Yields the lines of a text file, compressed or not. @throws AppError as {@link inspectFile}, {@link readBytes} and `readLines`. */
export async function* readTextLines(path: string): AsyncGenerator<LineBlock> {
  yield* readLines(readBytes(path, await inspectFile(path)), path);
}

/** Small parts bound the decompressed data that is in memory at once. */
const zstdPartBytes = 4 << 10;

async function* decompressZstd(stream: Readable): AsyncGenerator<Buffer> {
  let blocks: Buffer[] = [];
  let isFinished = false;
  const decompress = new Decompress((block, isLast) => {
    blocks.push(Buffer.from(block));
    isFinished ||= isLast === true;
  });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (let start = 0; start < chunk.length; start += zstdPartBytes) {
      decompress.push(chunk.subarray(start, start + zstdPartBytes));
      yield* blocks;
      blocks = [];
    }
  }
  decompress.push(new Uint8Array(0), true);
  yield* blocks;
  if (!isFinished) throw new Error('unexpected end of file');
}

async function* asUtf8(blocks: AsyncIterable<Buffer>, encoding: string | undefined): AsyncGenerator<Buffer> {
  let decoder = encoding === undefined ? undefined : createDecoder(encoding);
  let isStart = true;
  for await (const block of blocks) {
    if (isStart) decoder ??= utf16Decoder(block);
    isStart = false;
    yield decoder === undefined ? block : Buffer.from(decoder.decode(block, { stream: true }));
  }
  if (decoder !== undefined) yield Buffer.from(decoder.decode());
}

/** Returns `undefined` for UTF-8, whose lines are checked one by one. */
function utf16Decoder(block: Buffer): TextDecoder | undefined {
  if (block[0] === 0xff && block[1] === 0xfe) return new TextDecoder('utf-16le');
  if (block[0] === 0xfe && block[1] === 0xff) return new TextDecoder('utf-16be');
  return undefined;
}
