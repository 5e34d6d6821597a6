import { randomUUID } from 'node:crypto';
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
  /** Returns the folder of another machine with the same bucket and prefix. */
  otherMachine(more?: Partial<S3Config>): Promise<string>;
  /** Writes the `s3.yaml` of the lake into another folder. */
  writeConfig(folder: string): Promise<unknown>;
}

export async function createS3Lake(s3: LocalS3, more: Partial<S3Config> = {}): Promise<S3Lake> {
  const prefix = `lakes/${randomUUID()}`;
  const writeConfig = (folder: string, other: Partial<S3Config> = {}) =>
    s3.writeConfig(folder, prefix, { cacheBytesMax: 100_000_000, ...more, ...other });
  const otherMachine = async (other?: Partial<S3Config>): Promise<string> => {
    const lake = await temporaryFolder();
    await writeConfig(lake, other);
    return lake;
  };
  return { lake: await otherMachine(), objects: join(s3.folder, prefix), otherMachine, writeConfig };
}
