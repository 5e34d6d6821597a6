import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalS3 } from '@facet/local-services';
import type { S3Config } from '@facet/platform';
import { temporaryFolder } from '@facet/testing';

/** A lake on S3. */
export interface S3Lake {
  /** The folder of the lake on this machine, with `s3.yaml`. */
  readonly lake: string;
  /** The folder of the objects on the disk of the server. */
  readonly objects: string;
  readonly config: S3Config;
  /** Returns the folder of another machine with the same bucket and prefix. */
  otherMachine(more?: Partial<S3Config>): Promise<string>;
}

export async function createS3Lake(s3: LocalS3, more: Partial<S3Config> = {}): Promise<S3Lake> {
  const { endpoint, region, bucket } = s3;
  const prefix = `lakes/${randomUUID()}`;
  const config = { bucket, prefix, region, endpoint, pathStyle: true, cacheBytesMax: 100_000_000, ...more };
  const otherMachine = async (other: Partial<S3Config> = {}): Promise<string> => {
    const lake = await temporaryFolder();
    await writeS3File(lake, { ...config, ...other });
    return lake;
  };
  return { lake: await otherMachine(), objects: join(s3.folder, prefix), config, otherMachine };
}

export function writeS3File(lake: string, config: S3Config): Promise<void> {
  return writeFile(join(lake, 's3.yaml'), JSON.stringify(config));
}
