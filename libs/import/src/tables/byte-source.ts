import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError, isAppError } from '@facet/platform';
import { countBytes } from './read-bounds.ts';
import type { ReadBounds } from './read-bounds.ts';

/** The container of a file, by its first bytes rather than by its name. */
export type FileContainer = 'plain' | 'gzip' | 'parquet' | 'zip';

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
    throw new AppError(`Cannot read ${path}: ${(error as Error).message}.`, {
      code: 'EVENTS_FILE_UNREADABLE',
      category: 'input',
      remedy: 'Check the path and the permissions of the file.',
      context: { path },
      cause: error,
    });
  }
}

function containerOf(head: Buffer): FileContainer {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const magic = head.toString('latin1');
  if (magic === 'PAR1') return 'parquet';
  if (magic === 'PK\u0003\u0004') return 'zip';
  return 'plain';
}

/** Called with the bytes read so far from the disk, before decompression. */
export type OnBytes = (bytesRead: number) => void;

/** A file to open as a table. */
export interface TableSource {
  readonly facts: FileFacts;
  readonly onBytes?: OnBytes | undefined;
  readonly bounds?: ReadBounds | undefined;
}

const blockBytes = 1 << 20;

/**
 * Streams the bytes of a file in blocks and decompresses gzip.
 *
 * @throws AppError `EVENTS_FILE_DAMAGED` when the gzip stream is truncated or corrupt, `EVENTS_FILE_TOO_LARGE`.
 */
export async function* readBytes(
  path: string,
  options: Omit<TableSource, 'facts'> & { gzip: boolean },
): AsyncGenerator<Buffer> {
  const raw = createReadStream(path, { highWaterMark: blockBytes });
  if (options.onBytes !== undefined) {
    let bytesRead = 0;
    raw.on('data', (chunk) => options.onBytes?.((bytesRead += chunk.length)));
    raw.pause();
  }
  let stream: Readable = raw;
  if (options.gzip) {
    const gunzip = createGunzip({ chunkSize: blockBytes });
    raw.on('error', (error) => gunzip.destroy(error));
    stream = raw.pipe(gunzip);
  }
  try {
    const count = countBytes(path, options.bounds);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      count(chunk.length);
      yield chunk;
    }
  } catch (error) {
    if (isAppError(error)) throw error;
    const isDamaged = options.gzip && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
    const { message } = error as Error;
    throw new AppError(
      isDamaged ? `The gzip file ${path} is damaged: ${message}.` : `Cannot read ${path}: ${message}.`,
      {
        code: isDamaged ? 'EVENTS_FILE_DAMAGED' : 'EVENTS_FILE_UNREADABLE',
        category: 'input',
        remedy: isDamaged
          ? `Download or compress the file again until "gzip -t" accepts it.`
          : 'Check the disk and the permissions of the file.',
        context: { path },
        cause: error,
      },
    );
  } finally {
    raw.destroy();
    stream.destroy();
  }
}
