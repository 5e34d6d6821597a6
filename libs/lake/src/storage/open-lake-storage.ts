import { join } from 'node:path';
import { AppError, readS3Config, s3ConfigName } from '@facet/platform';
import { folderLakeStorage } from './folder-lake-storage.ts';
import type { LakeStorage } from './lake-storage.ts';
import { hasLocalLog } from './moved-lake.ts';

/** Lakes on S3 by folder. They share the connections to the server. */
const opened = new Map<string, { readonly settings: string; readonly storage: LakeStorage }>();

/**
 * Opens the storage of a lake: the bucket that `s3.yaml` in the folder names, or the folder itself.
 *
 * @throws AppError `CONFIG_UNREADABLE`, `CONFIG_INVALID`; `EVENTS_LAKE_HAS_LOCAL` if the folder has a lake that is not in the bucket.
 */
export async function openLakeStorage(lakeFolder: string): Promise<LakeStorage> {
  const config = await readS3Config(lakeFolder);
  if (config === undefined) return folderLakeStorage(lakeFolder);
  if (await hasLocalLog(lakeFolder)) {
    throw new AppError(`${join(lakeFolder, s3ConfigName)} exists, but the lake in this folder is not in the bucket.`, {
      code: 'EVENTS_LAKE_HAS_LOCAL',
      category: 'precondition',
      remedy: 'Stop all processes of this data home, then run: facet lake upload.',
      context: { lakeFolder },
    });
  }
  const settings = JSON.stringify(config);
  const known = opened.get(lakeFolder);
  if (known?.settings === settings) return known.storage;
  // Loads the SDK.
  const { s3LakeStorage } = await import('./s3-lake-storage.ts');
  const storage = s3LakeStorage(lakeFolder, config);
  opened.set(lakeFolder, { settings, storage });
  return storage;
}
