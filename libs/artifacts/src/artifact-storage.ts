import type { ArtifactRef, ArtifactStore } from './artifact-store.ts';
import type { ArtifactManifest } from './manifest.ts';
import type { PromotionRecords } from './promotions/promotion-log.ts';

/**
 * What a place to store artifacts provides. {@link createArtifactStore} adds the rules of promotions, references and pruning, which
 * are the same for all places.
 */
export interface ArtifactStorage extends Pick<ArtifactStore, 'put' | 'open' | 'redact' | 'list' | 'removeRemains'> {
  readonly promotions: PromotionRecords;
  /** @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`. */
  readManifest(ref: ArtifactRef): Promise<ArtifactManifest>;
  /** Returns the kinds of which there may be artifacts. */
  kinds(): Promise<string[]>;
  /** Removes an artifact such that readers see all or nothing of it. */
  remove(ref: ArtifactRef): Promise<void>;
  readonly refs: {
    names(): Promise<string[]>;
    /** Returns the text of a reference and the place that errors name. */
    read(name: string): Promise<{ readonly text: string; readonly place: string } | undefined>;
    write(name: string, text: string): Promise<void>;
  };
}
