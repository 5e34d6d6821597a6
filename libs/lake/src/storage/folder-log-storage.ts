import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFileAtomically, createFolder, listNames, syncPath, writeFileAtomically } from '@facet/platform';
import type { LogStorage } from './log-storage.ts';

/** Keeps a transaction log in a folder. A hard link creates a record, so it works on any file system with atomic links. */
export function folderLogStorage(folder: string): LogStorage {
  const pathOf = (name: string): string => join(folder, name);
  const temporaryPath = (): string => pathOf(`.${randomUUID()}.tmp`);
  let isFolderDurable = false;

  async function isOlder(name: string, time: number): Promise<boolean> {
    // The temporary file of a live commit may vanish.
    const file = await stat(pathOf(name)).catch(() => undefined);
    return file !== undefined && file.mtimeMs < time;
  }

  return {
    place: dirname(folder),
    names: () => listNames(folder),
    read: (name) => readFile(pathOf(name), 'utf8'),
    async create(name, text) {
      await createFolder(folder);
      const create = (): Promise<boolean> => createFileAtomically(pathOf(name), [text], { temporary: temporaryPath() });
      const isCreated = await create().catch((error: NodeJS.ErrnoException) => {
        // A process whose clock is ahead has deleted the temporary file, because it seemed to be of a killed process.
        if (error.code !== 'ENOENT') throw error;
        return create();
      });
      // Another process may have created the folder and not synced it yet.
      if (!isFolderDurable) await syncPath(dirname(folder));
      isFolderDurable = true;
      return isCreated;
    },
    write: (name, text) => writeFileAtomically(pathOf(name), [text]),
    readFile: (name, read) => read(pathOf(name)),
    async writeFile(name, write) {
      const temporary = temporaryPath();
      try {
        await write(temporary);
        await syncPath(temporary);
        await rename(temporary, pathOf(name));
      } finally {
        await rm(temporary, { force: true });
      }
      await syncPath(folder);
    },
    remove: (name) => rm(pathOf(name), { force: true }),
    isOlder,
    async removeLeftovers(before) {
      for (const name of await listNames(folder)) {
        if (name.endsWith('.tmp') && (await isOlder(name, before))) await rm(pathOf(name), { force: true });
      }
    },
  };
}
