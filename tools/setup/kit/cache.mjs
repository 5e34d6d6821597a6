import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { withLock } from './lock.mjs';

/**
 * Where everything expensive is kept, shared by all clones of a user.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function findCacheRoot(env) {
  if (env['FACET_CACHE_DIR']) return path.resolve(env['FACET_CACHE_DIR']);
  return path.join(env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'facet');
}

/**
 * Names an entry after all that goes into it.
 *
 * @param {unknown} value
 */
export function hash(value) {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

/**
 * Returns the folder `entry` of the cache, having it produced if it is not there yet. A producer fills a temporary folder,
 * which is renamed into place when it is complete: a killed run leaves no half entry, and what the next run finds is whole.
 *
 * @param {string} entry Absolute path; its name holds the version and a hash of all that went into it.
 * @param {{ signal: AbortSignal, onWait?: (holder: string) => void }} options
 * @param {(folder: string) => Promise<void>} produce
 * @returns {Promise<{ made: boolean }>}
 */
export async function ensureEntry(entry, options, produce) {
  if (existsSync(entry)) return { made: false };
  return withLock(`${entry}.lock`, options, async () => {
    if (existsSync(entry)) return { made: false };
    const parent = path.dirname(entry);
    await mkdir(parent, { recursive: true });
    const prefix = `${path.basename(entry)}.part-`;
    for (const name of await readdir(parent)) {
      if (name.startsWith(prefix)) await rm(path.join(parent, name), { recursive: true, force: true });
    }
    const part = await mkdtemp(path.join(parent, prefix));
    try {
      await produce(part);
      await rename(part, entry).catch((error) => {
        // Another machine on a shared disk was faster: its entry is as good as ours.
        if (!existsSync(entry)) throw error;
      });
    } finally {
      await rm(part, { recursive: true, force: true });
    }
    return { made: true };
  });
}
