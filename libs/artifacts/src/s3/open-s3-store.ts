import type { S3Config } from '@facet/platform';
import { openBucket } from '@facet/platform/s3';
import type { ArtifactStore } from '../artifact-store.ts';
import { createArtifactStore } from '../create-artifact-store.ts';
import { createS3Storage } from './s3-artifact-store.ts';
import type { S3Storage } from './s3-artifact-store.ts';

/** Opens the artifact store in a bucket, with local copies in `folder`. */
export function openS3ArtifactStore(folder: string, config: S3Config): ArtifactStore {
  return createArtifactStore(openS3Storage(folder, config));
}

export function openS3Storage(folder: string, config: S3Config): S3Storage {
  return createS3Storage(openBucket(config), { folder, ...config });
}
