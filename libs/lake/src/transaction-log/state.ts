import { sumIntake } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { MetaData } from './delta-actions.ts';
import { noErasureKey } from './erasure-key.ts';
import type { ErasureKey } from './erasure-key.ts';
import type { LogState, OffsetRanges } from './transaction-log.ts';

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
const Erasure = Type.Object({
  erasureId: Type.String(),
  /** SHA-256 of the user's id in hex. The log contains the HMAC of this hash with the key of the lake, because the log remains after the erasure. */
  userHash: Type.String(),
  /** The same hashes of the user's sessions. Empty until a compaction has applied the erasure. */
  sessionHashes: Type.Array(Type.String()),
  /** Epoch milliseconds. */
  requestedAt: Type.Number(),
  requestedBy: Type.String(),
});
export type Erasure = Readonly<Static<typeof Erasure>>;

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
export const MaintenanceClaim = Type.Object({
  token: Type.String(),
  host: Type.String(),
  pid: Type.Integer(),
  /** Epoch milliseconds. Every transaction renews it. */
  at: Type.Number(),
});
export type MaintenanceClaim = Readonly<Static<typeof MaintenanceClaim>>;

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

/** A file of the lake and the version that added it. */
export interface LakeStateFile extends LakeFileEntry {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly addedAt: number;
}

export const LakeStateErasure = Type.Object({
  ...Erasure.properties,
  /** The version that recorded the erasure, or that opened it again. */
  version: Type.Integer(),
  /** The version that recorded the erasure. Unlike `version`, it never changes. */
  recordedVersion: Type.Integer(),
  /** Absent until a compaction has applied the erasure. Later compactions add to the counts. `through` is -1 while the erasure is open again. */
  done: Type.Optional(Type.Object({ through: Type.Integer(), rows: Type.Integer(), files: Type.Integer() })),
});
export type LakeStateErasure = Readonly<Static<typeof LakeStateErasure>>;

/** The state of the lake at a version: the result of all transactions up to that version. */
export interface LakeState extends LogState {
  /** The description of the table. Absent until a transaction has created the table. */
  metaData: MetaData | undefined;
  readonly files: Map<string, LakeStateFile>;
  /** By day. */
  readonly intake: Map<string, readonly IntakeCount[]>;
  readonly erasures: Map<string, LakeStateErasure>;
  /** Replaced files that may still be on the disk, with the time of their replacement. */
  readonly removed: Map<string, number>;
  claim: MaintenanceClaim | undefined;
  /** The key of the hashes in `erasures`. */
  erasureKey: ErasureKey;
}

export function emptyLakeState(): LakeState {
  return {
    version: -1,
    id: '',
    metaData: undefined,
    files: new Map(),
    offsets: new Map(),
    intake: new Map(),
    erasures: new Map(),
    removed: new Map(),
    claim: undefined,
    erasureKey: noErasureKey,
  };
}

/** Returns the intake counts of each day that the added counts change. */
export function updatedIntake(
  intake: ReadonlyMap<string, readonly IntakeCount[]>,
  added: readonly IntakeCount[],
): ReadonlyMap<string, readonly IntakeCount[]> {
  const sumOf = (day: string): IntakeCount[] =>
    sumIntake([...(intake.get(day) ?? []), ...added.filter((count) => count.day === day)]);
  return new Map(Array.from(new Set(added.map(({ day }) => day)), (day) => [day, sumOf(day)]));
}

/** Returns the erasures that a change adds or updates. `version` is the version of the change. */
export function updatedErasures(
  recorded: ReadonlyMap<string, LakeStateErasure>,
  { erasures = [], erased = [], reopened = [] }: LakeChange,
  { version, erasureKey }: { readonly version: number; readonly erasureKey: ErasureKey },
): ReadonlyMap<string, LakeStateErasure> {
  const changed = new Map<string, LakeStateErasure>();
  const find = (erasureId: string): LakeStateErasure | undefined => changed.get(erasureId) ?? recorded.get(erasureId);
  for (const erasure of erasures) {
    if (find(erasure.erasureId) !== undefined) continue;
    changed.set(erasure.erasureId, { ...withKey(erasure, erasureKey), version, recordedVersion: version });
  }
  for (const mark of erased) {
    const erasure = find(mark.erasureId);
    if (erasure !== undefined) changed.set(mark.erasureId, markErased(erasure, mark));
  }
  for (const erasureId of reopened) {
    const erasure = find(erasureId);
    if (erasure !== undefined) changed.set(erasureId, reopenErasure(erasure, version));
  }
  return changed;
}

/** Returns an erasure with the HMACs of its hashes. */
function withKey(erasure: Erasure, key: ErasureKey): Erasure {
  return {
    ...erasure,
    userHash: key.of(erasure.userHash),
    sessionHashes: erasure.sessionHashes.map((hash) => key.of(hash)),
  };
}

function markErased(erasure: LakeStateErasure, mark: ErasedMark): LakeStateErasure {
  return {
    ...erasure,
    sessionHashes: [...new Set([...erasure.sessionHashes, ...mark.sessionHashes])].sort(),
    done: {
      // This compaction began before the erasure was opened again, so it did not remove all rows.
      through: erasure.version > mark.through ? notApplied : mark.through,
      rows: mark.rows + (erasure.done?.rows ?? 0),
      files: mark.files + (erasure.done?.files ?? 0),
    },
  };
}

const notApplied = -1;

function reopenErasure(erasure: LakeStateErasure, version: number): LakeStateErasure {
  const { done } = erasure;
  return { ...erasure, version, ...(done === undefined ? {} : { done: { ...done, through: notApplied } }) };
}

/** Returns whether a file may still contain rows that the erasure must remove. */
export function isErasurePending(erasure: LakeStateErasure, file: LakeStateFile): boolean {
  return (
    file.receivedFrom <= erasure.requestedAt &&
    file.version > (erasure.done?.through ?? notApplied) &&
    erasure.version > (file.erasedThrough ?? -1)
  );
}

/** Returns the erasures that have not been applied to every file. */
export function pendingErasures(state: LakeState): LakeStateErasure[] {
  const files = [...state.files.values()];
  return [...state.erasures.values()].filter(
    (erasure) => erasure.done === undefined || files.some((file) => isErasurePending(erasure, file)),
  );
}
