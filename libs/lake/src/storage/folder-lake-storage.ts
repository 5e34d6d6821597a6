import { link, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { logFolder } from '../layout.ts';
import { folderLogStorage } from './folder-log-storage.ts';
import type { ClusterFolder, LakeStorage } from './lake-storage.ts';
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
    place: folder,
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
