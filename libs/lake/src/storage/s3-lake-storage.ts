import { join } from 'node:path';
import { dayMs, hashFile, mapConcurrently } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import { checkBucket, openBucket } from '@facet/platform/s3';
import { hashedPartPath, logFolder, temporaryFolder } from '../layout.ts';
import type { LakeStorage } from './lake-storage.ts';
import { createLakeCopies } from './lake-copies.ts';
import { fenceLocalLog, hasLocalLog, lakeHasLocal } from './moved-lake.ts';
import { listClusterFiles, openS3ClusterFolder, removeAbandonedClusterFolders } from './s3-cluster-folder.ts';
import { isDayFile, removeAbandonedFolders } from './place-files.ts';
import type { PlacedFile } from './place-files.ts';
import { s3LogStorage } from './s3-log-storage.ts';

const copiesFolder = 's3-copies';

const uploadsAtATime = 4;
const deletionsAtATime = 16;
/** An upload that began earlier belongs to a killed process. */
const abandonedAfterMs = dayMs;
const daysPrefix = 'dt=';

export interface S3LakeStorage extends LakeStorage {
  /** Checks the bucket, once per process. @throws AppError `S3_UNSUPPORTED` if concurrent writers could overwrite each other. */
  check(): Promise<void>;
  /** Stores a file of this machine under this path. */
  upload(path: string, local: string, bytes: number): Promise<void>;
}

/** Keeps a lake in a bucket, with local copies of the files that this machine reads. */
export function s3LakeStorage(folder: string, config: S3Config): S3LakeStorage {
  const bucket = openBucket(config);
  const place = `s3://${config.bucket}/${config.prefix}`;
  const copies = createLakeCopies({ folder: join(folder, copiesFolder), bytesMax: config.cacheBytesMax });

  async function sizes(): Promise<ReadonlyMap<string, number>> {
    const objects = await bucket.list(daysPrefix);
    return new Map(objects.filter(({ key }) => isDayFile(key)).map(({ key, bytes }) => [key, bytes]));
  }

  let checked: Promise<void> | undefined;
  async function check(): Promise<void> {
    try {
      await (checked ??= checkBucket(bucket, config));
    } catch (error) {
      checked = undefined;
      throw error;
    }
  }

  return {
    folder,
    place,
    sizes,
    check,
    log: s3LogStorage(bucket, `${logFolder}/`, place),
    async prepareWrites() {
      await check();
      if (!(await fenceLocalLog(folder, 0)) && (await hasLocalLog(folder))) throw lakeHasLocal(folder);
    },
    list: async () => [...(await sizes()).keys()].sort(),
    placeFiles: (files) =>
      mapConcurrently(files, uploadsAtATime, async ({ written, path }) => {
        const hashed = await hashFile(written);
        const target = hashedPartPath(path, hashed.sha256);
        await bucket.upload(target, written, hashed.bytes);
        return { path: target, ...hashed };
      }),
    upload: (path, local, bytes) => bucket.upload(path, local, bytes).then(() => undefined),
    remove: async (paths) => void (await mapConcurrently(paths, deletionsAtATime, (path) => bucket.delete(path))),
    async open(files) {
      let listing: Promise<ReadonlyMap<string, number>> | undefined;
      const sizeOf = async (path: string): Promise<number> => {
        const bytes = (await (listing ??= sizes())).get(path);
        if (bytes === undefined) throw new Error(`${path} is missing`);
        return bytes;
      };
      const sized: PlacedFile[] = [];
      for (const file of files) sized.push({ ...file, bytes: file.bytes ?? (await sizeOf(file.path)) });
      return copies.open(sized, async ({ path, bytes }, target) => {
        const stored = await sizeOf(path);
        if (stored !== bytes) throw new Error(`${path} has ${stored} bytes instead of ${bytes}`);
        if (!(await bucket.download(path, target, bytes))) throw new Error(`${path} is missing`);
      });
    },
    openClusterFolder: (signal) => openS3ClusterFolder(folder, { bucket, config, signal }),
    listClusterFiles: () => listClusterFiles(bucket),
    async removeLeftovers() {
      await removeAbandonedFolders(folder);
      await removeAbandonedClusterFolders(bucket);
      for (const prefix of [daysPrefix, logFolder, temporaryFolder]) {
        for (const upload of await bucket.uploads(prefix)) {
          if (upload.startedAt < Date.now() - abandonedAfterMs) await bucket.abort(upload);
        }
      }
    },
    dropCopies: (isCurrent) => copies.drop(isCurrent),
  };
}
