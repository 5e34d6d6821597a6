import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withLock } from '@facet/setup/lock';

/**
 * Returns the folder of the programs of a Python environment in the cache (`FACET_CACHE_DIR`, default `~/.cache/facet`). The first call
 * creates it, and other processes wait.
 *
 * @param name of the environment, with the versions of its packages
 * @param packages arguments of `pip install`
 * @param addFiles adds other files to the folder of the environment
 */
export async function installPython(
  name: string,
  packages: readonly string[],
  addFiles?: (folder: string) => Promise<void>,
): Promise<string> {
  const cache = process.env['FACET_CACHE_DIR'] ?? join(homedir(), '.cache', 'facet');
  const folder = join(cache, name);
  const programs = join(folder, 'bin');
  const isReady = (): boolean => existsSync(join(folder, 'ready'));
  if (isReady()) return programs;
  await withLock(join(cache, 'locks', name), { signal: new AbortController().signal }, async () => {
    if (!isReady()) await install(folder, packages, addFiles);
  });
  return programs;
}

async function install(
  folder: string,
  packages: readonly string[],
  addFiles: ((folder: string) => Promise<void>) | undefined,
): Promise<void> {
  const run = promisify(execFile);
  process.stderr.write(`installing Python packages into ${folder}\n`);
  await rm(folder, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', folder]);
  await run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...packages], { maxBuffer: 1 << 26 });
  await addFiles?.(folder);
  await mkdir(join(folder, 'ready.tmp'));
  await rename(join(folder, 'ready.tmp'), join(folder, 'ready'));
}
