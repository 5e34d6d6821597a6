import { access, readdir, readFile } from 'node:fs/promises';

/** Returns the text of a file, or `undefined` when the file does not exist. */
export async function readTextIfExists(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ignoreMissing(undefined));
}

/** Returns the names in a folder, or none when the folder does not exist. */
export async function listNames(folder: string): Promise<string[]> {
  return readdir(folder).catch(ignoreMissing([]));
}

/** Returns whether a file or folder exists. */
export async function pathExists(path: string): Promise<boolean> {
  return access(path).then(() => true, ignoreMissing(false));
}

function ignoreMissing<Fallback>(fallback: Fallback): (error: NodeJS.ErrnoException) => Fallback {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return fallback;
    throw error;
  };
}
