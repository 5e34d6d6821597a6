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
  /** SHA-256 of the file in hex. Absent for files of a lake in a folder. */
  readonly sha256?: string;
}

/** A request to erase everything received of a user up to `requestedAt`. */
export interface Erasure {
  readonly erasureId: string;
  /** SHA-256 of the user's id in hex. The log contains the HMAC of this hash with the key of the lake, because the log remains after the erasure. */
  readonly userHash: string;
  /** The same hashes of the user's sessions. Empty until a compaction has applied the erasure. */
  readonly sessionHashes: readonly string[];
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  readonly requestedBy: string;
}

/** States that a compaction has applied an erasure to all files of version `through`. */
export interface ErasedMark {
  readonly erasureId: string;
  readonly through: number;
  readonly rows: number;
  readonly files: number;
  /** HMACs with the key of the lake. */
  readonly sessionHashes: readonly string[];
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
  /** Hashes of files that the lake already contains. */
  readonly hashes?: readonly { readonly path: string; readonly sha256: string }[];
  /** The offset range that each source advances by. */
  readonly offsets?: OffsetRanges;
  readonly intake?: readonly IntakeCount[];
  readonly erasures?: readonly Erasure[];
  readonly erased?: readonly ErasedMark[];
  /** Erasures to apply to all files again, because a later `identify` has given their users more events. */
  readonly reopened?: readonly string[];
  /** Whether the added files have the same rows as the removed ones. */
  readonly isCompaction?: boolean;
  /** Acquires or renews the claim. `null` releases it. */
  readonly claim?: MaintenanceClaim | null;
}
