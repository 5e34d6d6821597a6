import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalS3 } from '@facet/local-services';
import { pathExists } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import { openBucket } from '@facet/platform/s3';
import type { Bucket } from '@facet/platform/s3';
import { temporaryFolder } from '@facet/testing';
import { entryKey, objectKey, parseEntry } from '../src/s3/artifact-entry.ts';
import type { ArtifactRef } from '../src/index.ts';

/** A data home's artifacts folder with `s3.yaml`. */
export interface S3Home {
  readonly folder: string;
  readonly config: S3Config;
  readonly bucket: Bucket;
  /** Returns the keys below the prefix. */
  keys(prefix?: string): Promise<string[]>;
  /** Another folder, as on another host, with the same bucket and prefix. */
  otherHost(more?: Partial<S3Config>): Promise<string>;
  damage(ref: ArtifactRef, file: string, change: (path: string) => Promise<void>): Promise<void>;
}

export async function createS3Home(s3: LocalS3, more: Partial<S3Config> = {}): Promise<S3Home> {
  Object.assign(process.env, s3.env);
  const prefix = `homes/${randomUUID()}`;
  const otherHost = async (other: Partial<S3Config> = {}) => {
    const folder = await temporaryFolder();
    const config = await s3.writeConfig(folder, prefix, { cacheBytesMax: 100_000_000, ...more, ...other });
    return { folder, config };
  };
  const { folder, config } = await otherHost();
  const bucket = openBucket(config);
  return {
    folder,
    config,
    bucket,
    keys: async (prefix = '') => (await bucket.list(prefix)).map(({ key }) => key),
    otherHost: async (other) => (await otherHost(other)).folder,
    async damage(ref, file, change) {
      await rm(join(folder, 's3-copies'), { recursive: true, force: true });
      const scratch = join(folder, 'damaged');
      const { text } = (await bucket.get(entryKey(ref)))!;
      const { entry } = parseEntry(ref, text);
      const stored = entry.files.find(({ path }) => path === file);
      const key = stored === undefined ? entryKey(ref) : objectKey(ref, stored);
      await writeFile(scratch, stored === undefined ? entry.manifest : (await bucket.get(key))!.text);
      await change(scratch);
      if (!(await pathExists(scratch))) return bucket.delete(key);
      const changed = await readFile(scratch, 'utf8');
      await rm(scratch);
      await bucket.put(key, stored === undefined ? JSON.stringify({ ...entry, manifest: changed }) : changed);
    },
  };
}
