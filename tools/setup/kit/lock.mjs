import fs from 'node:fs';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from './failure.mjs';

const HEARTBEAT_MS = 5_000;
/** Age without a touch at which a lock counts as abandoned by a dead process. */
const STALE_MS = 30_000;

/**
 * Runs `work` while no other process holds the same lock file. It keeps two setups from doing the same work twice;
 * that a result is whole never depends on it (results are renamed into place).
 *
 * @template T
 * @param {string} file
 * @param {{ signal: AbortSignal, onWait?: (holder: string) => void, pollMs?: number }} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, { signal, onWait, pollMs = 500 }, work) {
  await mkdir(path.dirname(file), { recursive: true });
  const me = `${process.pid}@${os.hostname()}`;
  for (;;) {
    try {
      await writeFile(file, me, { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = await readFile(file, 'utf8').catch(() => '');
    if (await isStale(file, holder)) {
      await rm(file, { force: true });
      continue;
    }
    onWait?.(holder);
    await sleep(pollMs, undefined, { signal }).catch(() => {
      throw new Interrupted();
    });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  const release = () => {
    // After a long pause, another process may hold the lock.
    if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === me) fs.rmSync(file, { force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    process.off('exit', release);
    release();
  }
}

/**
 * @param {string} file
 * @param {string} holder
 */
async function isStale(file, holder) {
  const [pid, host] = holder.split('@');
  if (host === os.hostname() && pid !== undefined && !isAlive(Number(pid))) return true;
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
