import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file so that a reader sees the old bytes or all of the new ones, also after a crash of the machine.
 *
 * @param options.mode of the file; what the process gives its files by default.
 * @param options.temporary where the new bytes are until they are complete, on the same disk; beside the file by default.
 */
export async function writeFileAtomically(
  path: string,
  parts: Iterable<string>,
  options: { readonly mode?: number; readonly temporary?: string } = {},
): Promise<void> {
  const { mode, temporary = `${path}.${randomUUID()}.tmp` } = options;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      for (const part of parts) await file.appendFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncPath(dirname(path));
}

/** Asks the disk to keep what was written to a file, or a folder's list of names. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
