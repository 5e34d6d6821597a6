import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError } from '@facet/platform';

/** What the first bytes of a file say it is, whatever its name says. */
export type FileContainer = 'plain' | 'gzip' | 'parquet' | 'zip';

export interface FileFacts {
  readonly container: FileContainer;
  readonly bytes: number;
}

/**
 * Looks at a file's first bytes.
 *
 * @throws AppError `EVENTS_FILE_UNREADABLE` when it is absent, a folder, or not permitted.
 */
export async function inspectFile(path: string): Promise<FileFacts> {
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new Error('it is not a file');
      const head = Buffer.alloc(4);
      await file.read(head, 0, 4, 0);
      return { container: containerOf(head), bytes: stat.size };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new AppError(`${path} cannot be read: ${(error as Error).message}.`, {
      code: 'EVENTS_FILE_UNREADABLE',
      category: 'input',
      remedy: 'Check the path and its permissions.',
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

/** Called with the bytes read so far from the file as it lies on the disk (compressed, if it is). */
export type OnBytes = (bytesRead: number) => void;

const blockBytes = 1 << 20;

/**
 * The bytes of a file in blocks, unpacked when it is gzip.
 *
 * @throws AppError `EVENTS_FILE_DAMAGED` when the gzip stream is cut short or altered.
 */
export async function* readBytes(
  path: string,
  options: { gzip: boolean; onBytes?: OnBytes | undefined },
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
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    const damaged = options.gzip && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
    throw new AppError(
      `${path} ${damaged ? 'is cut short or damaged' : 'cannot be read'}: ${(error as Error).message}.`,
      {
        code: damaged ? 'EVENTS_FILE_DAMAGED' : 'EVENTS_FILE_UNREADABLE',
        category: 'input',
        remedy: damaged ? 'Fetch or pack it again; `gzip -t` should pass.' : 'Check the disk and the permissions.',
        context: { path },
        cause: error,
      },
    );
  } finally {
    raw.destroy();
    stream.destroy();
  }
}
