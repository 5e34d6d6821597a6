import { createHash, randomUUID } from 'node:crypto';
import { access, chmod, chown, link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Returns the text of a file, or `undefined` when the file does not exist. */
export async function readTextIfExists(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ignoreMissing(undefined));
}

/** Returns the content of a JSON file; undefined for a missing or damaged one. */
export async function readJsonIfIntact<Value>(path: string): Promise<Value | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Value;
  } catch {
    return undefined;
  }
}

/** Returns the names in a folder, or none when the folder does not exist. */
export async function listNames(folder: string): Promise<string[]> {
  return readdir(folder).catch(ignoreMissing([]));
}

/** Returns whether a file or folder exists. */
export async function pathExists(path: string): Promise<boolean> {
  return access(path).then(() => true, ignoreMissing(false));
}

/** For `catch`: returns the fallback if a file or folder does not exist. */
export function ignoreMissing<Fallback>(fallback: Fallback): (error: NodeJS.ErrnoException) => Fallback {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return fallback;
    throw error;
  };
}

/**
 * Returns the size and the SHA-256 in hex of a file. It reads all blocks into one buffer: a read stream allocates a buffer of the
 * block size for each read, and many small files then cost a garbage collection every 64 files.
 */
export async function hashFile(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const digest = createHash('sha256');
  const file = await open(path);
  let bytes = 0;
  try {
    const block = Buffer.allocUnsafe(Math.min(1 << 20, (await file.stat()).size + 1));
    for (let read = await file.read(block); read.bytesRead > 0; read = await file.read(block)) {
      digest.update(block.subarray(0, read.bytesRead));
      bytes += read.bytesRead;
    }
  } finally {
    await file.close();
  }
  return { bytes, sha256: digest.digest('hex') };
}

/** The user and the group of a file. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes a file so that readers see either the old content or the complete new content, also after a crash of the machine.
 * Facet has its own function because npm's write-file-atomic does not sync the folder, so a crash can undo its rename.
 *
 * @param options.mode file mode; the default of the process if absent
 * @param options.owner if absent, or another user who is not root writes, the file belongs to the writer
 * @param options.temporary path of the incomplete file, on the same disk; next to the file by default
 */
export async function writeFileAtomically(
  path: string,
  parts: Iterable<string | Uint8Array>,
  options: { readonly mode?: number; readonly owner?: FileOwner; readonly temporary?: string } = {},
): Promise<void> {
  const { mode, owner, temporary = temporaryOf(path) } = options;
  try {
    await writeNewFile(temporary, parts, mode);
    // The mode of a new file is limited by the umask.
    if (mode !== undefined) await chmod(temporary, mode);
    if (owner !== undefined) await chown(temporary, owner.uid, owner.gid).catch(() => undefined);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncPath(dirname(path));
}

/**
 * Creates a file unless it exists. Readers see the complete file or none, also after a crash of the machine. Only one of
 * several concurrent writers succeeds.
 *
 * @param options.mode file mode; the default of the process if absent
 * @param options.temporary path of the incomplete file, on the same disk; next to the file by default
 * @returns whether this call created the file
 */
export async function createFileAtomically(
  path: string,
  parts: Iterable<string>,
  options: { readonly mode?: number; readonly temporary?: string } = {},
): Promise<boolean> {
  const { mode, temporary = temporaryOf(path) } = options;
  try {
    await writeNewFile(temporary, parts, mode);
    // Unlike a rename, a link never replaces a file.
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

/** Makes a file's content, or a folder's entries, durable on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a folder and its missing parents. The entries of new folders are durable on the disk. */
export async function createFolder(path: string): Promise<void> {
  const full = resolve(path);
  const first = await mkdir(full, { recursive: true });
  if (first === undefined) return;
  let parent = full;
  do {
    parent = dirname(parent);
    await syncPath(parent);
  } while (parent !== dirname(first));
}

function temporaryOf(path: string): string {
  return `${path}.${randomUUID()}.tmp`;
}

async function writeNewFile(path: string, parts: Iterable<string | Uint8Array>, mode?: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    for (const part of parts) await file.appendFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}
