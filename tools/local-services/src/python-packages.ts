import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findCacheRoot, hash } from '@facet/setup/cache';
import { withLock } from '@facet/setup/lock';

/** Returns the path of a file in the folder `python`. */
export const pythonFile = (name: string): string => join(import.meta.dirname, '../python', name);

/**
 * Returns the folder of the programs of a Python environment in the cache of Facet. The first call creates it, and other processes wait.
 *
 * @param name of the file of its packages, all with versions, in the folder `python`. Other contents give another environment.
 * @param files others to add to the folder of the environment. Another `version` gives another environment.
 */
export async function installPython(
  name: string,
  files?: { readonly version: unknown; add(folder: string): Promise<void> },
): Promise<string> {
  const file = pythonFile(`${name}.txt`);
  const entry = `${name}-${hash([await readFile(file, 'utf8'), files?.version])}`;
  const cache = findCacheRoot(process.env);
  const folder = join(cache, entry);
  const programs = join(folder, 'bin');
  const isReady = (): boolean => existsSync(join(folder, 'ready'));
  if (isReady()) return programs;
  await withLock(join(cache, 'locks', entry), { signal: new AbortController().signal }, async () => {
    if (isReady()) return;
    const run = promisify(execFile);
    process.stderr.write(`installing Python packages into ${folder}\n`);
    await rm(folder, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', folder]);
    // The environment is itself a cache.
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--requirement', file];
    await run(join(programs, 'python'), pip, { maxBuffer: 1 << 26 });
    await files?.add(folder);
    await mkdir(join(folder, 'ready.tmp'));
    await rename(join(folder, 'ready.tmp'), join(folder, 'ready'));
  });
  return programs;
}

/** Returns the path of a Python with PyTorch. The first call installs some gigabytes, because the wheel includes GPU libraries. */
export async function pytorchPython(): Promise<string> {
  return join(await installPython('pytorch'), 'python');
}
