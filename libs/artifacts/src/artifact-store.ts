import type { ArtifactManifest, ArtifactMetadata } from './manifest.ts';
import type { PromotionRecord, PromotionRun } from './promotions/promotion-record.ts';

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

/** Who decides what is current, and on what grounds. */
export interface PromotionDecision {
  /** A person or a program; `unknown` by default. */
  readonly by?: string;
  readonly because?: string;
  /** The id that must be current for the decision to hold; `null`: nothing is. */
  readonly expectedCurrent?: string | null;
  /** Epoch milliseconds; now by default. */
  readonly at?: number;
}

/**
 * Immutable, content-addressed artifacts, named references to them, and the log of what was made current. An artifact is
 * either there as a whole or not at all, whenever the writer dies. A reference has one writer at a time; the log may have
 * many, on several hosts, and they agree on one history. Readers see the old or the new state.
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
   * @param options.files the only files that will be read: the content of others is not verified, since that takes time.
   * @throws AppError `ARTIFACT_NOT_FOUND`; `ARTIFACT_CORRUPT` naming a truncated, altered, missing or extra file.
   */
  open(ref: ArtifactRef, options?: { readonly files?: readonly string[] }): Promise<OpenArtifact>;

  /** All artifacts of a kind, the last put first. They are not verified. */
  list(kind: string): Promise<ListedArtifact[]>;

  /**
   * The artifact that a name points to, or undefined if nothing has been named so. `current` and `previous` are what the
   * newest record of the promotion log says; reading them costs one listing and one small file.
   */
  readRef(name: string): Promise<ArtifactRef | undefined>;

  /**
   * Points a name at an artifact, atomically.
   *
   * @throws AppError `ARTIFACT_NOT_FOUND` if the artifact is absent, `ARTIFACT_INVALID` for `current` and `previous`, which
   *   only the promotion log moves.
   */
  writeRef(name: string, ref: ArtifactRef): Promise<void>;

  /**
   * Verifies the artifact, then makes it `current` and the former one `previous`, by one record. Promoting what is current
   * adds nothing, and neither does a run that has promoted before: the record is the one that is there. A former current
   * that is gone or corrupt is nothing to go back to, so `previous` stays as it is.
   *
   * @throws AppError `PROMOTION_SUPERSEDED` for a run whose day another one has fenced off, or when what is current was
   *   promoted by the run of a later day; `PROMOTION_CURRENT_CHANGED` (retryable) when `expectedCurrent` is not current;
   *   `ARTIFACT_INVALID` for a run without an id or a day; those of `open`.
   */
  promote(ref: ArtifactRef, decision?: PromotionDecision & { readonly run?: PromotionRun }): Promise<PromotionRecord>;

  /**
   * Makes `previous` current, and the former current `previous`: a second rollback undoes the first. That its files are there
   * in their sizes is checked, not their bytes, so it takes no longer for a large artifact; `open` verifies those.
   *
   * @throws AppError `ARTIFACT_NO_PREVIOUS` if there is nothing to go back to; `PROMOTION_CURRENT_CHANGED`; those of `open`.
   */
  rollback(decision?: PromotionDecision): Promise<ArtifactRef>;

  /**
   * From now on only this run may promote for its day; the record's number is its token. Asking again gives the same one.
   *
   * @throws AppError `PROMOTION_SUPERSEDED` for a run that another one has taken the day from.
   */
  fence(run: PromotionRun, decision?: Pick<PromotionDecision, 'by' | 'at'>): Promise<PromotionRecord>;

  /** The log, oldest first. */
  promotions(): Promise<readonly PromotionRecord[]>;

  /**
   * Removes all artifacts of a kind but the `keep` put last (at least 3), those that are current or previous or that a
   * reference names, and those that an artifact of another kind names in its metadata, as a bundle does with its `modelId`
   * and `datasetId`. Also clears what dead writers left behind.
   *
   * @param options.needed ids that stay besides.
   * @throws AppError `ARTIFACT_INVALID` for `keep` below 3.
   */
  prune(kind: string, options: { readonly keep: number; readonly needed?: readonly string[] }): Promise<ArtifactRef[]>;
}
