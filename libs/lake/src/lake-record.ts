import type { IntakeCount } from '@facet/schemas';
/** What the log knows of a file's rows, so that readers can pass it over unopened. */
export interface LakeFileFacts {
  readonly rows: number;
  /** The earliest and the latest `receivedAt`, epoch milliseconds. */
  readonly receivedFrom: number;
  readonly receivedTo: number;
  /** Rows without a user. */
  readonly anonymous: number;
  /** Rows that say whose a session was. */
  readonly identifies: number;
}

/** From what offset to what offset, by source; half-open. */
export type OffsetRanges = Readonly<Record<string, { readonly from: number; readonly to: number }>>;

/** A Parquet file of the lake, as the log names it. */
export interface LakeFileEntry extends LakeFileFacts {
  /** Relative to the lake folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** Where its rows lie in the logs that they came from; rows of other files may lie between them. */
  readonly sources: OffsetRanges;
  /** Erasures recorded up to this version have been carried out on it. */
  readonly erasedThrough?: number;
}

/** A request to forget a user: all that was received of them up to `requestedAt`. */
export interface Erasure {
  readonly erasureId: string;
  /** SHA-256 of the user's id in hex: the record outlives what it is about. */
  readonly userHash: string;
  /** SHA-256 of the sessions that were the user's; known when the erasure was carried out. */
  readonly sessionHashes: readonly string[];
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  readonly requestedBy: string;
}

/** Says that an erasure has been carried out on all files that the lake had at version `through`. */
export interface ErasedMark {
  readonly erasureId: string;
  readonly through: number;
  readonly rows: number;
  readonly files: number;
  readonly sessionHashes: readonly string[];
}

/** Who rewrites files of the lake; one at a time. */
export interface MaintenanceClaim {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** Epoch milliseconds; renewed with every transaction. */
  readonly at: number;
}

/** What a transaction does to the lake; all of it is seen at once. */
export interface LakeChange {
  readonly add?: readonly LakeFileEntry[];
  readonly remove?: readonly string[];
  /** From what offset to what offset each source goes on. */
  readonly offsets?: OffsetRanges;
  readonly intake?: readonly IntakeCount[];
  readonly erasures?: readonly Erasure[];
  readonly erased?: readonly ErasedMark[];
  /** Files that were removed earlier and are now gone from the disk. */
  readonly deleted?: readonly string[];
  /** Takes or renews the right to rewrite files; `null` gives it up. */
  readonly claim?: MaintenanceClaim | null;
}

/** A transaction in `_log/`. */
export interface LakeRecord extends LakeChange {
  readonly format: 1;
  /** 1 for the first. */
  readonly version: number;
  readonly id: string;
  /** The id of the record before it. */
  readonly parent: string;
  /** Epoch milliseconds. */
  readonly at: number;
}
