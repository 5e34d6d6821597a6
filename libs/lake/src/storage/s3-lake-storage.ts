import { join, dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { dayMs, hashFile, mapConcurrently, createTemporaryFolder } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import { checkBucket, openBucket } from '@facet/platform/s3';
import type { Bucket, ListedObject } from '@facet/platform/s3';
import { hashedPartPath, logFolder, temporaryFolder } from '../layout.ts';
import { createLakeCopies } from './lake-copies.ts';
import type { LakeStorage, ClusterFolder, LogStorage } from './lake-storage.ts';
import { fenceLocalLog, hasLocalLog, lakeHasLocal } from './moved-lake.ts';
import {
  isDayFile,
  removeAbandonedFolders,
  abandonedAfterMs,
  makeTemporaryFolder,
  touchEveryMs,
} from './place-files.ts';
import type { PlacedFile } from './place-files.ts';

const copiesFolder = 's3-copies';

const uploadsAtATime = 4;
const deletionsAtATime = 16;
/** An upload that began earlier belongs to a killed process. */
const uploadAbandonedAfterMs = dayMs;
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
  const location = `s3://${config.bucket}/${config.prefix}`;
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
    location,
    sizes,
    check,
    log: s3LogStorage(bucket, `${logFolder}/`, location),
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
          if (upload.startedAt < Date.now() - uploadAbandonedAfterMs) await bucket.abort(upload);
        }
      }
    },
    dropCopies: (isCurrent) => copies.drop(isCurrent),
  };
}

const requestsAtATime = 16;
const downloadsAtATime = 4;
/** The process that uses a folder writes this object again and again. Without changes, other processes delete the folder. */
const inUseName = 'in-use';

/** Opens a temporary folder of the bucket. The cluster needs its own credentials. */
async function openS3ClusterFolder(
  lakeFolder: string,
  {
    bucket,
    config,
    signal,
  }: { readonly bucket: Bucket; readonly config: S3Config; readonly signal: AbortSignal | undefined },
): Promise<ClusterFolder> {
  const prefix = `${temporaryFolder}/${randomUUID()}`;
  const touch = (): Promise<unknown> => bucket.put(`${prefix}/${inUseName}`, '');
  await touch();
  const { path: local, remove } = await makeTemporaryFolder(lakeFolder);
  const touching = setInterval(() => void touch().catch(() => undefined), touchEveryMs).unref();
  return {
    local,
    url: `s3a://${config.bucket}/${config.prefix}/${prefix}`,
    settings: {
      'spark.hadoop.fs.s3a.endpoint.region': config.region,
      'spark.hadoop.fs.s3a.path.style.access': String(config.pathStyle),
      // Otherwise, each write asks the server to delete the markers of all parent folders. Some servers refuse.
      'spark.hadoop.fs.s3a.directory.marker.retention': 'keep',
      ...(config.endpoint === undefined ? {} : { 'spark.hadoop.fs.s3a.endpoint': config.endpoint }),
    },
    async add(subfolder, files, onCopied) {
      await mapConcurrently(files, requestsAtATime, async ({ path, bytes }, number) => {
        signal?.throwIfAborted();
        const isCopied = await bucket.copy(path, `${prefix}/${subfolder}/${number}.parquet`, bytes);
        if (!isCopied) throw new Error(`${path} is missing`);
        onCopied?.();
      });
    },
    async fetch(subfolders, onDownloaded) {
      const listed = await mapConcurrently(subfolders, requestsAtATime, (name) => bucket.list(`${prefix}/${name}/`));
      const results = listed.flat().filter(({ key }) => key.endsWith('.parquet'));
      let done = 0;
      await mapConcurrently(results, downloadsAtATime, async ({ key, bytes }) => {
        signal?.throwIfAborted();
        const path = join(local, key.slice(prefix.length));
        await mkdir(dirname(path), { recursive: true });
        if (!(await bucket.download(key, path, bytes))) throw new Error(`${key} is missing`);
        onDownloaded?.(++done, results.length);
      });
    },
    async remove() {
      clearInterval(touching);
      await Promise.all([remove(), removeFolder(bucket, prefix)]);
    },
  };
}

/** Lists the Parquet files in the temporary folders of all processes. */
async function listClusterFiles(bucket: Bucket): Promise<string[]> {
  const objects = await bucket.list(`${temporaryFolder}/`);
  return objects.map(({ key }) => key).filter((key) => key.endsWith('.parquet'));
}

async function removeFolder(bucket: Bucket, prefix: string): Promise<void> {
  for (const upload of await bucket.uploads(`${prefix}/`)) await bucket.abort(upload);
  const keys = (await bucket.list(`${prefix}/`)).map(({ key }) => key);
  const isMarker = (key: string): boolean => key.endsWith('/');
  await mapConcurrently(
    keys.filter((key) => !isMarker(key)),
    requestsAtATime,
    (key) => bucket.delete(key),
  );
  // Some servers delete the marker of a folder only if the folder is empty.
  for (const marker of keys.filter(isMarker).toReversed()) await bucket.delete(marker);
}

/** Removes the temporary folders of processes that have ended. */
async function removeAbandonedClusterFolders(bucket: Bucket): Promise<void> {
  for (const name of await bucket.folders(`${temporaryFolder}/`)) {
    const prefix = `${temporaryFolder}/${name}`;
    const objects = await bucket.list(`${prefix}/`);
    const before = Date.now() - abandonedAfterMs;
    if (objects.every(({ changedAt }) => changedAt < before)) await removeFolder(bucket, prefix);
  }
}

/** Keeps a transaction log below a prefix of a bucket. A conditional write creates a record. */
function s3LogStorage(bucket: Bucket, prefix: string, location: string): LogStorage {
  const keyOf = (name: string): string => `${prefix}${name}`;
  const find = async (name: string): Promise<ListedObject | undefined> =>
    (await bucket.list(keyOf(name))).find(({ key }) => key === keyOf(name));

  async function withTemporaryFile<Result>(work: (path: string) => Promise<Result>): Promise<Result> {
    const folder = await createTemporaryFolder('lake');
    try {
      return await work(join(folder.path, 'file'));
    } finally {
      await folder.remove();
    }
  }

  return {
    location,
    names: async () => (await bucket.list(prefix)).map(({ key }) => key.slice(prefix.length)),
    async read(name) {
      const found = await bucket.get(keyOf(name));
      if (found === undefined) throw new Error(`${name} is missing`);
      return found.text;
    },
    create: async (name, text) => (await bucket.put(keyOf(name), text, 'absent')) !== undefined,
    write: async (name, text) => void (await bucket.put(keyOf(name), text)),
    readFile: (name, read) =>
      withTemporaryFile(async (path) => {
        const found = await find(name);
        const isStored = found !== undefined && (await bucket.download(found.key, path, found.bytes));
        if (!isStored) throw new Error(`${name} is missing`);
        return read(path);
      }),
    writeFile: (name, write) =>
      withTemporaryFile(async (path) => {
        await write(path);
        await bucket.upload(keyOf(name), path, (await stat(path)).size);
      }),
    remove: (name) => bucket.delete(keyOf(name)),
    async isOlder(name, time) {
      const found = await find(name);
      return found !== undefined && found.changedAt < time;
    },
    // Readers see no unfinished objects. Unfinished uploads are removed with those of the data files.
    removeLeftovers: async () => undefined,
  };
}
