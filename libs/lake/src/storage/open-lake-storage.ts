import { readS3Config } from '@facet/platform';
import { folderLakeStorage } from './folder-lake-storage.ts';
import type { LakeStorage } from './lake-storage.ts';
import { hasLocalLog, lakeHasLocal } from './moved-lake.ts';

/** The storages of lakes on S3, by folder. All uses of a lake share its connections to the server. */
const opened = new Map<string, { readonly settings: string; readonly storage: LakeStorage }>();

/**
 * Opens the storage of a lake: the bucket that `s3.yaml` in the folder names, or the folder itself.
 *
 * @throws AppError `CONFIG_UNREADABLE`, `CONFIG_INVALID`; `EVENTS_LAKE_HAS_LOCAL` if the folder has a lake that is not in the bucket.
 */
export async function openLakeStorage(lakeFolder: string): Promise<LakeStorage> {
  const config = await readS3Config(lakeFolder);
  if (config === undefined) return folderLakeStorage(lakeFolder);
  if (await hasLocalLog(lakeFolder)) throw lakeHasLocal(lakeFolder);
  const settings = JSON.stringify(config);
  const known = opened.get(lakeFolder);
  if (known?.settings === settings) return known.storage;
  // Loads the SDK.
  const { s3LakeStorage } = await import('./s3-lake-storage.ts');
  const storage = s3LakeStorage(lakeFolder, config);
  opened.set(lakeFolder, { settings, storage });
  return storage;
}
