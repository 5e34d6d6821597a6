import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { logFolder } from '../layout.ts';
import { folderLogStorage } from './folder-log-storage.ts';
import type { LakeStorage } from './lake-storage.ts';
import { listPlacedFiles, placeFiles, removeAbandonedFolders, sizesOfPlacedFiles } from './place-files.ts';

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
    removeLeftovers: () => removeAbandonedFolders(folder),
    dropCopies: async () => undefined,
  };
}
