import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { logProgress } from '../command-line.ts';

/** Pinned, so that figures remain comparable. */
const packages = ['torch==2.8.0', 'numpy==2.4.6'];

/**
 * Returns the path of a Python with PyTorch. The first call installs it into the cache (`FACET_CACHE_DIR`, default
 * `~/.cache/facet`), which takes some gigabytes because the wheel includes GPU libraries.
 */
export async function pytorchPython(): Promise<string> {
  const cache = process.env['FACET_CACHE_DIR'] ?? join(homedir(), '.cache', 'facet');
  const folder = join(cache, `pytorch-${packages.join('-').replaceAll('==', '-')}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'ready'))) return python;
  const run = promisify(execFile);
  logProgress(`installing ${packages.join(', ')} into ${folder}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  await run('python3', ['-m', 'venv', folder]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', ...packages], { maxBuffer: 1 << 26 });
  await mkdir(join(folder, 'ready.tmp'));
  await rename(join(folder, 'ready.tmp'), join(folder, 'ready'));
  return python;
}
