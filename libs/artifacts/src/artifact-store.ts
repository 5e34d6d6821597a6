import type { ArtifactRef } from './artifact-ref.ts';
import type { ArtifactManifest, ArtifactMetadata, SealedArtifact } from './manifest.ts';
import type { PromotionRecord, PromotionRun, PromotionRecords } from './promotions/promotion-log.ts';

/** An artifact whose files match its manifest. */
export interface OpenArtifact {
  readonly ref: ArtifactRef;
  /** Local, read-only folder with the files that the manifest lists. */
  readonly folder: string;
  readonly manifest: ArtifactManifest;
  /**
   * Ends the use of the folder, whose files may then be removed to free space. Mapped files stay usable. Without the call, the
   * folder stays until the process has ended.
   */
  release(): Promise<void>;
}

export interface ListedArtifact {
  readonly ref: ArtifactRef;
  /** Epoch milliseconds of the last `put` of this content. */
  readonly putAt: number;
}

/** Who promotes or rolls back, and why. */
export interface PromotionDecision {
  /** A person or a program; `unknown` by default. */
  readonly by?: string;
  readonly reason?: string | undefined;
  /**
   * Id of the artifact that must be current when the change is made; `null` for none. Without it, any may be current.
   */
  readonly expectedCurrent?: string | null;
  /** Epoch milliseconds; now by default. */
  readonly at?: number;
}

/**
 * Immutable, content-addressed artifacts, named references to them, and the promotion log.
 *
 * A crash of the writer leaves an artifact complete or absent. Each reference has one writer at a time. The promotion
 * log accepts concurrent writers on several hosts, which agree on one history. Readers see the old or the new state,
 * never a mixture.
 */
export interface ArtifactStore {
  /**
   * Calls `write` with an empty folder and stores the files that it leaves there. Equal files and metadata get the same
   * id and are stored once. Nothing is stored if `write` throws.
   *
   * @param metadata JSON that is hashed into the id, so it must not contain times of day.
   * @throws AppError `ARTIFACT_INVALID` for a bad kind, for metadata that is not JSON, and for links, sockets or
   *   devices.
   */
  put(kind: string, write: (folder: string) => Promise<void>, metadata: ArtifactMetadata): Promise<ArtifactRef>;

  /**
   * Verifies every file and returns the folder.
   *
   * @param options.files The only files that the caller reads. The content of other files is not hashed, which saves
   *   time.
   * @throws AppError `ARTIFACT_NOT_FOUND`; `ARTIFACT_CORRUPT` naming a truncated, altered, missing or extra file.
   */
  open(ref: ArtifactRef, options?: { readonly files?: readonly string[] }): Promise<OpenArtifact>;

  /**
   * Replaces the content of one file, for example to erase a person, and keeps the id of the artifact. Concurrent readers see
   * the old or the new content. `redactions.json` in the artifact's folder records the new hash.
   *
   * One change at a time: another one waits, also one of another process.
   *
   * @param write writes the new content to the path that it receives. No other change happens after it has read the file.
   * @throws AppError `ARTIFACT_INVALID` if the artifact has no such file; `ARTIFACT_LOCKED`; the errors of `open`.
   */
  redact(ref: ArtifactRef, path: string, write: (target: string) => Promise<void>): Promise<void>;

  /**
   * Removes what killed writers have left: unfinished artifacts, and contents that a redaction has replaced. `prune` does it, too.
   */
  removeRemains(): Promise<void>;

  /** Lists all artifacts of a kind, the most recently put first, without verifying them. */
  list(kind: string): Promise<ListedArtifact[]>;

  /**
   * Returns the artifact that a reference names, or undefined if the reference does not exist. `current` and `previous`
   * come from the newest record of the promotion log, which costs one directory listing and one small read.
   */
  readRef(name: string): Promise<ArtifactRef | undefined>;

  /**
   * Points a reference at an artifact, atomically.
   *
   * @throws AppError `ARTIFACT_NOT_FOUND` if the artifact is absent; `ARTIFACT_INVALID` for `current` and `previous`,
   *   which only promotions and rollbacks change.
   */
  writeRef(name: string, ref: ArtifactRef): Promise<void>;

  /**
   * Verifies the artifact, then appends one record that makes it `current` and the artifact that it replaces `previous`.
   * Returns the existing record when the artifact is already current or the run has promoted before. If the
   * replaced artifact is missing or corrupt, `previous` does not change.
   *
   * @throws AppError `PROMOTION_SUPERSEDED` if the run was canceled, another run has fenced off its day, or a run of a
   *   later day promoted the current artifact; `PROMOTION_CURRENT_CHANGED` (retryable) if `expectedCurrent` is not current;
   *   `ARTIFACT_INVALID` for a run without a valid id or day; the errors of `open`.
   */
  promote(ref: ArtifactRef, decision?: PromotionDecision & { readonly run?: PromotionRun }): Promise<PromotionRecord>;

  /**
   * Swaps `previous` and `current`, so a second rollback undoes the first. Checks that the files exist with their sizes
   * but not their content, so large artifacts roll back as fast as small ones; `open` verifies the content.
   *
   * @param decision.to restores this artifact instead of the previous one, if it was current at some time
   * @throws AppError `ARTIFACT_NO_PREVIOUS` if there is no such artifact, or if it is current; `PROMOTION_CURRENT_CHANGED`; the errors
   *   of `open`.
   */
  rollback(decision?: PromotionDecision & { readonly to?: string }): Promise<ArtifactRef>;

  /**
   * Reserves the day of a run: from then on only this run may promote for that day. The number of the returned record
   * is the fencing token; calling again returns the same record.
   *
   * @throws AppError `PROMOTION_SUPERSEDED` if the run was canceled or another run has fenced off the day since.
   */
  fence(run: PromotionRun, decision?: Pick<PromotionDecision, 'by' | 'at'>): Promise<PromotionRecord>;

  /**
   * Ends a run: from then on it may neither fence its day nor promote, even if it never had a fence. Returns the promotion
   * instead if the run has promoted; calling again returns the same record.
   */
  cancel(run: PromotionRun, decision?: Omit<PromotionDecision, 'expectedCurrent'>): Promise<PromotionRecord>;

  /** Returns all records of the promotion log, oldest first. */
  promotions(): Promise<readonly PromotionRecord[]>;

  /**
   * Removes the artifacts of a kind except the `keep` most recently put (at least 3), the current and previous ones,
   * those that a reference names, and those that an artifact of another kind names in its metadata (`modelId`,
   * `datasetId`). Also calls `removeRemains`.
   *
   * @param options.needed Further ids to keep.
   * @throws AppError `ARTIFACT_INVALID` for `keep` below 3.
   */
  prune(kind: string, options: { readonly keep: number; readonly needed?: readonly string[] }): Promise<ArtifactRef[]>;
}

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
    /** Returns the text of a reference and the location that errors name. */
    read(name: string): Promise<{ readonly text: string; readonly location: string } | undefined>;
    write(name: string, text: string): Promise<void>;
  };
}
