import { once } from 'node:events';
import { readdir, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Worker } from 'node:worker_threads';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { AppError, hashFile, createFolder, isProcessRunning, listNames } from '@facet/platform';

/**
 * Lists all files below a folder as sorted relative paths with forward slashes, and all folders including `folder`.
 *
 * @throws AppError `ARTIFACT_INVALID` for a link, socket or device, which a copy would not preserve.
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
          remedy: 'Write only plain files into the artifact.',
          context: { file: path },
        });
      }
    }
  }
  await visit('');
  return { files: files.sort(), folders };
}

/** Returns true for a file system error with one of these codes. */
export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** Below this total, hashing takes less time than starting a thread. */
const threadFromBytes = 32 * 1024 * 1024;

/**
 * Source text, because tests and development run TypeScript, which a worker thread could not load. On Linux the low
 * priority applies to this thread only, so request handling goes first.
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
 * Returns the SHA-256 of each file, in order. Hashes large amounts in a low-priority thread, which leaves the event
 * loop free.
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

/** A staged folder of another host counts as abandoned after a day without changes. */
const abandonedAfterMs = 24 * 3600 * 1000;

/**
 * Distinguishes this process from an earlier one with the same host name and process id, as in restarted containers.
 */
const processToken = randomUUID();

/** Returns a new name that contains host, process id, process token and a random part. */
export function ownName(): string {
  return [encodeURIComponent(hostname()), process.pid, processToken, randomUUID()].join('~');
}

/** Returns whether {@link ownName} of this process returned a name. */
export function isOwnName(name: string): boolean {
  return name.split('~')[2] === processToken;
}

/** Returns a new path in the staging folder, with a name of {@link ownName}. */
export async function stagingPath(stagingFolder: string): Promise<string> {
  await createFolder(stagingFolder);
  return join(stagingFolder, ownName());
}

/** Removes what crashed writers left in the staging folder. Files of running writers stay. */
export async function clearAbandoned(stagingFolder: string): Promise<void> {
  for (const name of await listNames(stagingFolder)) {
    const path = join(stagingFolder, name);
    if (await isAbandoned(path, name)) await rm(path, { recursive: true, force: true });
  }
}

/**
 * Returns whether the process that created a file with a name of {@link ownName} has ended. One of another host counts as ended after a
 * time without changes of the file, a day by default.
 */
export async function isAbandoned(path: string, name: string, afterMs = abandonedAfterMs): Promise<boolean> {
  const [host, pid, token] = name.split('~');
  if (host === encodeURIComponent(hostname())) {
    return Number(pid) === process.pid ? token !== processToken : !isProcessRunning(Number(pid));
  }
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
  return Date.now() - mtimeMs > afterMs;
}
