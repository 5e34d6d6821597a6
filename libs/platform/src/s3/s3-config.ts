import { join } from 'node:path';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { readConfigFile } from '../config-file.ts';
import { pathExists } from '../files.ts';

const S3Config = Type.Object(
  {
    bucket: Type.String({ minLength: 3 }),
    prefix: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$',
      description: 'letters, digits and ._- between slashes, without a slash at the beginning and the end',
    }),
    region: Type.String({ minLength: 1 }),
    /** Absent: the endpoint of AWS for the region. */
    endpoint: Type.Optional(
      Type.String({
        pattern: '^https?://[^/?#@]+/?$',
        description: 'a URL without credentials, such as https://minio.example:9000',
      }),
    ),
    /** Whether the bucket is in the path of URLs instead of in the host name. */
    pathStyle: Type.Boolean({ default: false }),
    /** The space for local copies. */
    cacheBytesMax: Type.Integer({ minimum: 1_000_000, default: 20_000_000_000 }),
  },
  { additionalProperties: false },
);

/** The bucket that stores the artifacts or the lake of a data home, and the local copies. */
export type S3Config = Readonly<Static<typeof S3Config>>;

export const s3ConfigName = 's3.yaml';

/**
 * Reads the settings of the bucket, or returns undefined if the data is in the folder itself.
 *
 * @throws AppError `CONFIG_UNREADABLE`; `CONFIG_INVALID` with each wrong, unknown or missing field.
 */
export async function readS3Config(folder: string): Promise<S3Config | undefined> {
  const file = join(folder, s3ConfigName);
  return (await pathExists(file)) ? readConfigFile(S3Config, file) : undefined;
}
