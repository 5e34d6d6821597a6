import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { hashFile } from './files.ts';

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
