import type { ArtifactManifest, ArtifactMetadata } from './manifest.ts';

/** Names one immutable artifact: what it is (`dataset`, `model`, `bundle`) and the hash of its content. */
export interface ArtifactRef {
  readonly kind: string;
  readonly id: string;
}

/** An artifact whose every byte has been checked against its manifest. */
export interface OpenArtifact {
  readonly ref: ArtifactRef;
  /** A local folder holding the files that the manifest names. Read only. */
  readonly folder: string;
  readonly manifest: ArtifactManifest;
}

export interface ListedArtifact {
  readonly ref: ArtifactRef;
  /** Epoch milliseconds of the last `put` of this content. */
  readonly putAt: number;
}

/**
 * Immutable, content-addressed artifacts, and named references to them. An artifact is either there as a whole or not at
 * all, whenever the writer dies. References have one writer at a time; readers see the old or the new one.
 */
export interface ArtifactStore {
  /**
   * Calls `write` with an empty folder and keeps what it leaves there. The same files and metadata give the same id, and
   * are stored once. If `write` throws, nothing is kept.
   *
   * @param metadata JSON; part of the content, so no times of day.
   * @throws AppError `ARTIFACT_INVALID` for a bad kind, metadata that is not JSON, or files that are not plain files.
   */
  put(kind: string, write: (folder: string) => Promise<void>, metadata: ArtifactMetadata): Promise<ArtifactRef>;

  /**
   * Verifies every file, then gives the folder.
   *
   * @throws AppError `ARTIFACT_NOT_FOUND`; `ARTIFACT_CORRUPT` naming a truncated, altered, missing or extra file.
   */
  open(ref: ArtifactRef): Promise<OpenArtifact>;

  /** All artifacts of a kind, the last put first. They are not verified. */
  list(kind: string): Promise<ListedArtifact[]>;

  /** The artifact that a name points to, or undefined if nothing has been named so. */
  readRef(name: string): Promise<ArtifactRef | undefined>;

  /**
   * Points a name at an artifact, atomically.
   *
   * @throws AppError `ARTIFACT_NOT_FOUND` if the artifact is absent.
   */
  writeRef(name: string, ref: ArtifactRef): Promise<void>;

  /**
   * Verifies the artifact, then makes it `current` and the former one `previous`. `previous` moves first: whenever the
   * process dies, `current` is the old or the new artifact, and repeating the call finishes the move. Promoting what is
   * current changes nothing.
   */
  promote(ref: ArtifactRef): Promise<void>;

  /**
   * Verifies `previous`, makes it `current`, and the former current `previous`: a second rollback undoes the first.
   *
   * @throws AppError `ARTIFACT_NO_PREVIOUS` if there is nothing to go back to.
   */
  rollback(): Promise<ArtifactRef>;

  /**
   * Removes all artifacts of a kind but the `keep` put last (at least 3) and those that a reference names.
   * Also clears what dead writers left behind.
   *
   * @throws AppError `ARTIFACT_INVALID` for `keep` below 3.
   */
  prune(kind: string, options: { readonly keep: number }): Promise<ArtifactRef[]>;
}
