import { join } from 'node:path';
import { AppError, isAppError, listNames, readS3Config, s3ConfigName } from '@facet/platform';
import { copiesFolderName } from './artifact-errors.ts';
import type { ArtifactRef } from './artifact-ref.ts';
import type { ArtifactStore, OpenArtifact } from './artifact-store.ts';
import { createArtifactStore } from './create-artifact-store.ts';
import { createFolderArtifactStore, localArtifactFolders } from './folder-artifact-store.ts';
import type { MovedArtifacts } from './s3/upload-artifacts.ts';

/**
 * Opens the artifact store of a data home: the bucket that `s3.yaml` in the folder names, or the folder itself. Reads the file at the
 * first call of a method, which throws the errors of {@link readS3Config}, and `ARTIFACT_STORE_HAS_LOCAL` if the folder has artifacts
 * that are not in the bucket.
 */
export function openArtifactStore(folder: string): ArtifactStore {
  let opening: Promise<ArtifactStore> | undefined;
  const opened = (): Promise<ArtifactStore> =>
    (opening ??= openNow(folder).catch((error: unknown) => {
      // A correction takes effect at the next call.
      opening = undefined;
      throw error;
    }));
  return {
    put: async (...given) => (await opened()).put(...given),
    open: async (...given) => (await opened()).open(...given),
    redact: async (...given) => (await opened()).redact(...given),
    removeRemains: async () => (await opened()).removeRemains(),
    list: async (...given) => (await opened()).list(...given),
    readRef: async (...given) => (await opened()).readRef(...given),
    writeRef: async (...given) => (await opened()).writeRef(...given),
    promote: async (...given) => (await opened()).promote(...given),
    rollback: async (...given) => (await opened()).rollback(...given),
    fence: async (...given) => (await opened()).fence(...given),
    cancel: async (...given) => (await opened()).cancel(...given),
    promotions: async () => (await opened()).promotions(),
    prune: async (...given) => (await opened()).prune(...given),
  };
}

async function openNow(folder: string): Promise<ArtifactStore> {
  const config = await readS3Config(folder);
  if (config === undefined) {
    await refuseMissingConfig(folder);
    return createFolderArtifactStore(folder);
  }
  await refuseLocalArtifacts(folder);
  // Loads the SDK.
  const { openS3Storage } = await import('./s3/s3-artifact-store.ts');
  return createArtifactStore(openS3Storage(folder, config));
}

/**
 * Checks that a writer can use the store: that the bucket responds, and that the server honors the conditions of writes, on which the
 * promotion log depends. Does nothing for a folder.
 *
 * @throws AppError `S3_REFUSED`, `S3_UNREACHABLE`, `S3_UNSUPPORTED`; those of
 *   {@link openArtifactStore}.
 */
export async function checkArtifactStore(folder: string): Promise<void> {
  const config = await readS3Config(folder);
  if (config === undefined) return refuseMissingConfig(folder);
  await refuseLocalArtifacts(folder);
  const { checkBucket, openBucket } = await import('@facet/platform/s3');
  await checkBucket(openBucket(config), config);
}

/**
 * Moves the artifacts of a folder, the references and the promotion log to the bucket of `s3.yaml`. May be interrupted and repeated.
 *
 * @throws AppError `ARTIFACT_STORE_NOT_CONFIGURED` without `s3.yaml`; as {@link uploadArtifacts} and {@link checkArtifactStore}.
 */
export async function moveArtifactsToS3(
  folder: string,
  onProgress: (done: number, total: number) => void | Promise<void>,
): Promise<MovedArtifacts> {
  const config = await readS3Config(folder);
  if (config === undefined) {
    throw new AppError(`${join(folder, s3ConfigName)} does not exist.`, {
      code: 'ARTIFACT_STORE_NOT_CONFIGURED',
      category: 'usage',
      remedy: 'Create the file as in docs/s3.md#configure-the-bucket, and repeat the command.',
    });
  }
  const { checkBucket, openBucket } = await import('@facet/platform/s3');
  await checkBucket(openBucket(config), config);
  const { uploadArtifacts } = await import('./s3/upload-artifacts.ts');
  return uploadArtifacts(folder, config, onProgress);
}

/** @throws AppError `ARTIFACT_STORE_HAS_LOCAL`. */
async function refuseLocalArtifacts(folder: string): Promise<void> {
  const local = await localArtifactFolders(folder);
  if (local.length === 0) return;
  throw new AppError(`${folder} has an s3.yaml, and artifacts that are not in the bucket: ${local.join(', ')}.`, {
    code: 'ARTIFACT_STORE_HAS_LOCAL',
    category: 'precondition',
    remedy: 'Stop all processes of this data home, then run: facet artifacts upload.',
    context: { folder, local },
  });
}

/** @throws AppError `ARTIFACT_STORE_NOT_CONFIGURED` for a folder that was used with a bucket: its artifacts are there. */
async function refuseMissingConfig(folder: string): Promise<void> {
  const left = (await listNames(folder)).find((name) => name === copiesFolderName || name === 'uploaded');
  if (left === undefined) return;
  throw new AppError(
    `${join(folder, s3ConfigName)} is missing, but ${join(folder, left)} shows that the artifacts are on S3.`,
    {
      code: 'ARTIFACT_STORE_NOT_CONFIGURED',
      category: 'usage',
      remedy: `Restore ${s3ConfigName}. To keep new artifacts in the folder instead, delete ${copiesFolderName}, and move uploaded elsewhere.`,
      context: { folder },
    },
  );
}

/**
 * Opens an artifact, and releases it when `use` has ended. `use` may map files, which stay usable.
 *
 * @param files The only files that `use` reads; all by default.
 * @throws AppError as `ArtifactStore.open`.
 */
export async function useArtifact<Result>(
  store: Pick<ArtifactStore, 'open'>,
  ref: ArtifactRef,
  use: (artifact: OpenArtifact) => Promise<Result> | Result,
  files?: readonly string[],
): Promise<Result> {
  const artifact = await store.open(ref, files === undefined ? {} : { files });
  try {
    return await use(artifact);
  } finally {
    await artifact.release();
  }
}

/** Returns what `read` reads of artifacts, or undefined if {@link isUnusable}. @throws The other errors of `read`. */
export async function ifUsable<Value>(
  read: () => Promise<Value>,
  onUnusable?: (error: unknown) => void,
): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isUnusable(error)) throw error;
    onUnusable?.(error);
    return undefined;
  }
}

/**
 * Returns whether an error means that an artifact is pruned, corrupt or of an earlier format. Returns false if the artifact may be intact: if
 * the store refuses or does not respond, and if a later version of Facet wrote the artifact.
 */
export function isUnusable(error: unknown): boolean {
  if (!isAppError(error)) return (error as NodeJS.ErrnoException).code === 'ENOENT';
  return !error.retryable && error.category !== 'unavailable' && error.code !== 'ARTIFACT_STORE_NEWER';
}
