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
