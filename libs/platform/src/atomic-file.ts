import { randomUUID } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
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
  const { mode, temporary = temporaryOf(path) } = options;
  try {
    await writeNewFile(temporary, parts, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncPath(dirname(path));
}

/**
 * Makes a file that is there as a whole or not at all, also after a crash of the machine, unless there is one: of several
 * writers one succeeds.
 *
 * @param options.temporary where the bytes are until they are complete, on the same disk; beside the file by default.
 * @returns whether this call has made it.
 */
export async function createFileAtomically(
  path: string,
  parts: Iterable<string>,
  options: { readonly temporary?: string } = {},
): Promise<boolean> {
  const { temporary = temporaryOf(path) } = options;
  try {
    await writeNewFile(temporary, parts);
    // Unlike a rename, a link takes the place of nothing.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncPath(dirname(path));
  return true;
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

function temporaryOf(path: string): string {
  return `${path}.${randomUUID()}.tmp`;
}

async function writeNewFile(path: string, parts: Iterable<string>, mode?: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    for (const part of parts) await file.appendFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}
