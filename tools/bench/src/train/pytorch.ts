import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Pinned, so that figures can be compared. */
const packages = ['torch==2.8.0', 'numpy==2.4.6'];

/**
 * The Python of an environment that has PyTorch, made in the cache (`FACET_CACHE_DIR`, default `~/.cache/facet`) if it is not there.
 * It takes some gigabytes: the common wheel brings libraries for graphics cards along, which are not used.
 */
export async function pytorchPython(say: (text: string) => void): Promise<string> {
  const cache = process.env['FACET_CACHE_DIR'] ?? join(homedir(), '.cache', 'facet');
  const folder = join(cache, `pytorch-${packages.join('-').replaceAll('==', '-')}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'ready'))) return python;
  const run = promisify(execFile);
  say(`installing ${packages.join(', ')} into ${folder}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  await run('python3', ['-m', 'venv', folder]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', ...packages], { maxBuffer: 1 << 26 });
  await mkdir(join(folder, 'ready.tmp'));
  await rename(join(folder, 'ready.tmp'), join(folder, 'ready'));
  return python;
}
