import { isAppError } from '@facet/platform';
import type { ArtifactRef, ArtifactStore, OpenArtifact } from './artifact-store.ts';

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
