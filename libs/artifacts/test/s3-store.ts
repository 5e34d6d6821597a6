import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalS3 } from '@facet/local-services';
import { pathExists } from '@facet/platform';
import type { S3Config } from '@facet/platform';
import { openBucket } from '@facet/platform/s3';
import type { Bucket } from '@facet/platform/s3';
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

const folders: string[] = [];

export async function createS3Home(s3: LocalS3, more: Partial<S3Config> = {}): Promise<S3Home> {
  Object.assign(process.env, s3.env);
  const { endpoint, region, bucket: name } = s3;
  const config = {
    bucket: name,
    prefix: `homes/${randomUUID()}`,
    region,
    endpoint,
    pathStyle: true,
    cacheBytesMax: 100_000_000,
    ...more,
  };
  const folder = await createFolder(config);
  const bucket = openBucket(config);
  return {
    folder,
    config,
    bucket,
    keys: async (prefix = '') => (await bucket.list(prefix)).map(({ key }) => key),
    otherHost: (other = {}) => createFolder({ ...config, ...other }),
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

async function createFolder(config: S3Config): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-s3-'));
  folders.push(folder);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 's3.yaml'), JSON.stringify(config));
  return folder;
}

export async function removeS3Homes(): Promise<void> {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}
