import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { HomePaths } from '@facet/config';
import { networkAddress, startS3 } from '@facet/local-services';
import type { LocalS3, NetworkHost } from '@facet/local-services';

/** The bucket in which several hosts keep artifacts and lake. */
export interface SharedBucket extends Pick<LocalS3, 'env' | 'kill' | 'start' | 'stop'> {
  /** The folder that contains the objects of the lake. */
  readonly tableFolder: string;
}

const prefix = 'shop';

/**
 * Starts an S3 server next to the hosts, and configures a new data home to keep artifacts and lake there. Each host has its
 * own folders for local copies, as docs/s3.md recommends for a data home on NFS.
 */
export async function startSharedBucket(
  { artifactsFolder, lakeFolder }: HomePaths,
  hosts: readonly NetworkHost[],
  copiesFolder: string,
): Promise<SharedBucket> {
  const s3 = await startS3(networkAddress);
  // The suite itself reads and writes the lake.
  Object.assign(process.env, s3.env);
  for (const folder of [artifactsFolder, lakeFolder]) {
    await s3.writeConfig(folder, prefix);
    const shared = join(folder, 's3-copies');
    await mkdir(shared);
    for (const host of hosts) {
      const own = join(copiesFolder, host.name, basename(folder));
      await mkdir(own, { recursive: true });
      await host.mount(own, shared);
    }
  }
  return { ...s3, tableFolder: join(s3.folder, prefix) };
}
