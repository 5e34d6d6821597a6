import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'node:worker_threads';
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

/** Files of fewer bytes are hashed sooner than a thread is started. */
const threadFromBytes = 32 * 1024 * 1024;

/**
 * Text, because tests and development run from TypeScript, which a thread of its own would not know how to read. Its low
 * priority is that of the thread alone (on Linux): whoever answers requests meanwhile comes first.
 */
const threadSource = `
const { createHash } = require('node:crypto');
const { closeSync, openSync, readSync } = require('node:fs');
const { getPriority, setPriority } = require('node:os');
const { parentPort, workerData } = require('node:worker_threads');
if (process.platform === 'linux') setPriority(0, Math.max(10, getPriority(0)));
const buffer = Buffer.alloc(1 << 20);
parentPort.postMessage(workerData.map((path) => {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}));
`;

/**
 * SHA-256 of each file, in their order. Many bytes are hashed by a thread of low priority, so that the event loop keeps
 * its turns.
 */
export async function hashFiles(
  files: readonly { readonly path: string; readonly bytes: number }[],
): Promise<string[]> {
  const paths = files.map(({ path }) => path);
  if (files.reduce((sum, { bytes }) => sum + bytes, 0) < threadFromBytes) {
    const hashes: string[] = [];
    for (const path of paths) hashes.push((await hashFile(path)).sha256);
    return hashes;
  }
  const thread = new Worker(threadSource, { eval: true, workerData: paths, execArgv: [] });
  const [hashes] = (await once(thread, 'message')) as [string[]];
  return hashes;
}
