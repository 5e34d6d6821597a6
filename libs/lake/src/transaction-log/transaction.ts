import type { IntakeCount } from '@facet/schemas';

/** Statistics of a file's rows. Readers use them to skip the file without opening it. */
export interface LakeFileFacts {
  readonly rows: number;
  /** The earliest and the latest `receivedAt`, epoch milliseconds. */
  readonly receivedFrom: number;
  readonly receivedTo: number;
  /** Rows without a user. */
  readonly anonymous: number;
  /** Rows that tell which user a session belongs to. */
  readonly identifies: number;
}

/** Half-open offset ranges, by source. */
export type OffsetRanges = Readonly<Record<string, { readonly from: number; readonly to: number }>>;

/** A Parquet file of the lake, as the transaction log lists it. */
export interface LakeFileEntry extends LakeFileFacts {
  /** Relative to the lake folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** The offset ranges of its rows in the event logs. Other files may have rows in between. */
  readonly sources: OffsetRanges;
  /** Erasures recorded up to this version have been applied to the file. */
  readonly erasedThrough?: number;
  /** Facts of a segment of a catalog. */
  readonly segment?: SegmentFacts;
}

/** What the transaction log of a catalog says about a segment in addition to the facts of a file. */
export interface SegmentFacts {
  /** Number of versions that remove a record. */
  readonly removals: number;
  /** The version of the newest change in the segment, if a compaction wrote it. */
  readonly order?: number | undefined;
  /** Random ids of the newest changes in the segment, the newest last, if a compaction wrote it. */
  readonly changeIds?: readonly string[] | undefined;
  /** A compaction dropped versions of items received before this time, epoch milliseconds. */
  readonly compactedBefore?: number | undefined;
  /** A compaction dropped removals of items among the changes up to this version. */
  readonly removalsDroppedThrough?: number | undefined;
}

/** A request to erase everything received of a user up to `requestedAt`. */
export interface Erasure {
  readonly erasureId: string;
  /** SHA-256 of the user's id in hex. With `isKeyed`, its HMAC with the key of the lake, because the request is kept after the erasure. */
  readonly userHash: string;
  /** The same hashes of the user's sessions. Known once the erasure has been applied. */
  readonly sessionHashes: readonly string[];
  /** Absent in requests that a transaction has not recorded yet, and in lakes of earlier releases. */
  readonly isKeyed?: boolean;
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  readonly requestedBy: string;
}

/** Records that an erasure has been applied to all files that the lake had at version `through`. */
export interface ErasedMark {
  readonly erasureId: string;
  readonly through: number;
  readonly rows: number;
  readonly files: number;
  readonly sessionHashes: readonly string[];
  readonly isKeyed?: boolean;
}

/** The process that may rewrite files of the lake. One process holds the claim at a time. */
export interface MaintenanceClaim {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** Epoch milliseconds. Every transaction renews it. */
  readonly at: number;
}

/** The changes of one transaction. Readers see all of them or none. */
export interface LakeChange {
  readonly add?: readonly LakeFileEntry[];
  readonly remove?: readonly string[];
  /** The offset range that each source advances by. */
  readonly offsets?: OffsetRanges;
  readonly intake?: readonly IntakeCount[];
  readonly erasures?: readonly Erasure[];
  readonly erased?: readonly ErasedMark[];
  /** Erasures to apply to all files again, because a later `identify` has given their users more events. */
  readonly reopened?: readonly string[];
  /** Files that an earlier transaction removed and that are now deleted from the disk. */
  readonly deleted?: readonly string[];
  /** Acquires or renews the claim. `null` releases it. */
  readonly claim?: MaintenanceClaim | null;
}

/** A transaction of the log: one JSON file in `_log/`. */
export interface Transaction extends LakeChange {
  readonly format: 1;
  /** The first transaction has version 1. */
  readonly version: number;
  readonly id: string;
  /** The id of the previous transaction. */
  readonly parent: string;
  /** Epoch milliseconds. */
  readonly at: number;
}
