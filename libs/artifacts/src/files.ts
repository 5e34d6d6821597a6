import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@facet/platform';

/** SHA-256 and size of a file, read as a stream. */
export async function hashFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

/**
 * Every file below a folder, as sorted paths relative to it with forward slashes, and every folder, itself included.
 *
 * @throws AppError `ARTIFACT_INVALID` for a link, socket or device: they would not survive a copy.
 */
export async function listFolder(folder: string): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders = [folder];
  async function visit(relative: string): Promise<void> {
    for (const entry of await readdir(join(folder, relative), { withFileTypes: true })) {
      const path = posix.join(relative, entry.name);
      if (entry.isDirectory()) {
        folders.push(join(folder, path));
        await visit(path);
      } else if (entry.isFile()) files.push(path);
      else {
        throw new AppError(`${join(folder, path)} is neither a file nor a folder.`, {
          code: 'ARTIFACT_INVALID',
          category: 'artifact',
          remedy: 'Write plain files only.',
          context: { file: path },
        });
      }
    }
  }
  await visit('');
  return { files: files.sort(), folders };
}

/** True for an error of the file system with one of these codes. */
export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
