import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mapConcurrently } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import type { Bucket } from '@facet/platform/s3';
import { temporaryFolder } from '../layout.ts';
import type { ClusterFolder } from './lake-storage.ts';
import { abandonedAfterMs, makeTemporaryFolder, touchEveryMs } from './place-files.ts';

const requestsAtATime = 16;
const downloadsAtATime = 4;
/** The process that uses a folder writes this object again and again. Without changes, other processes delete the folder. */
const inUseName = 'in-use';

/** Opens a temporary folder of the bucket. The cluster needs its own credentials. */
export async function openS3ClusterFolder(
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
export async function listClusterFiles(bucket: Bucket): Promise<string[]> {
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
export async function removeAbandonedClusterFolders(bucket: Bucket): Promise<void> {
  for (const name of await bucket.folders(`${temporaryFolder}/`)) {
    const prefix = `${temporaryFolder}/${name}`;
    const objects = await bucket.list(`${prefix}/`);
    const before = Date.now() - abandonedAfterMs;
    if (objects.every(({ changedAt }) => changedAt < before)) await removeFolder(bucket, prefix);
  }
}
