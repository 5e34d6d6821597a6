import { link, mkdir, rm, readFile, rename, stat } from 'node:fs/promises';
import { join, resolve, dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { createFileAtomically, createFolder, listNames, syncPath, writeFileAtomically } from '@facet/platform';
import { logFolder } from '../layout.ts';
import type { ClusterFolder, LakeStorage, LogStorage } from './lake-storage.ts';
import {
  listPlacedFiles,
  makeTemporaryFolder,
  placeFiles,
  removeAbandonedFolders,
  sizesOfPlacedFiles,
} from './place-files.ts';

/** Keeps a lake in a folder, which all processes share. */
export function folderLakeStorage(folder: string): LakeStorage {
  return {
    folder,
    location: folder,
    log: folderLogStorage(join(folder, logFolder)),
    prepareWrites: async () => undefined,
    sizes: () => sizesOfPlacedFiles(folder),
    list: () => listPlacedFiles(folder),
    placeFiles: (files) => placeFiles(folder, files),
    async remove(paths) {
      for (const path of paths) await rm(join(folder, path), { force: true });
    },
    // Replaced files stay for a grace period, so readers need no lock.
    open: async () => ({ folder, close: async () => undefined }),
    openClusterFolder: () => openClusterFolder(folder),
    listClusterFiles: async () => [],
    removeLeftovers: () => removeAbandonedFolders(folder),
    dropCopies: async () => undefined,
  };
}

/** All machines of the cluster must see the folder of the lake at the same path. */
async function openClusterFolder(lakeFolder: string): Promise<ClusterFolder> {
  const { path, remove } = await makeTemporaryFolder(lakeFolder);
  const local = resolve(path);
  return {
    local,
    url: `file:${local}`,
    settings: {},
    async add(subfolder, files) {
      await mkdir(join(local, subfolder));
      for (const [number, { path: file }] of files.entries()) {
        await link(join(lakeFolder, file), join(local, subfolder, `${number}.parquet`));
      }
    },
    fetch: async () => undefined,
    remove,
  };
}

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
    location: dirname(folder),
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
