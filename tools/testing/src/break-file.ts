import { mkdir, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Creates a file, or replaces it by one, that opens but fails every read with `EIO`, as on a broken disk. */
export async function breakFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await symlink('/proc/self/mem', path);
}
