import type { ArtifactRef, ArtifactStore } from './artifact-store.ts';
import type { ArtifactManifest } from './manifest.ts';
import type { PromotionRecords } from './promotions/promotion-log.ts';
import type { SealedArtifact } from './seal-artifact.ts';

/**
 * Storage for artifacts: a folder or a bucket. {@link createArtifactStore} adds the rules for writing, promotions, references and
 * pruning, which are the same for each kind of storage.
 */
export interface ArtifactStorage extends Pick<ArtifactStore, 'open' | 'removeRemains'> {
  /** A folder on this machine. `staging` in it has the files being written, and its lock admits one change of a file at a time. */
  readonly folder: string;
  readonly promotions: PromotionRecords;
  /** @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`. */
  readManifest(ref: ArtifactRef): Promise<ArtifactManifest>;
  /** Stores a new artifact, and may move its files out of the staged folder. An equal artifact stays unless it is corrupt. */
  store(artifact: SealedArtifact, staged: string): Promise<void>;
  /** As `redact`, for a file of the manifest, while no other process of this machine changes files. */
  replaceFile: ArtifactStore['redact'];
  /** In any order. */
  list: ArtifactStore['list'];
  /** Returns the kinds of which there may be artifacts. */
  kinds(): Promise<string[]>;
  /**
   * Keeps an artifact from being removed while the caller records a reference to it. Returns a function that ends the claim.
   *
   * @throws AppError as `readManifest`.
   */
  claim(ref: ArtifactRef): Promise<() => Promise<void>>;
  /**
   * Removes an artifact such that readers see all or nothing of it. Keeps it, and returns false, if it is claimed or `isReferenced`
   * returns true.
   */
  remove(ref: ArtifactRef, isReferenced: () => Promise<boolean>): Promise<boolean>;
  readonly refs: {
    names(): Promise<string[]>;
    /** Returns the text of a reference and the place that errors name. */
    read(name: string): Promise<{ readonly text: string; readonly place: string } | undefined>;
    write(name: string, text: string): Promise<void>;
  };
}
