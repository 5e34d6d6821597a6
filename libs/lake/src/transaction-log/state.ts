import type { IntakeCount } from '@facet/schemas';
import type { MetaData } from './delta-actions.ts';
import { noErasureKey } from './erasure-key.ts';
import type { ErasureKey } from './erasure-key.ts';
import type { LogState } from './transaction-log.ts';
import type { ErasedMark, Erasure, LakeChange, LakeFileEntry, MaintenanceClaim } from './transaction.ts';

/** A file of the lake and the version that added it. */
export interface LakeStateFile extends LakeFileEntry {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly addedAt: number;
}

export interface LakeStateErasure extends Erasure {
  /** The version that recorded the erasure, or that opened it again. */
  readonly version: number;
  /** The version that recorded the erasure. Unlike `version`, it never changes. */
  readonly recordedVersion: number;
  /** Absent until a compaction has applied the erasure. Later compactions add to the counts. `through` is -1 while the erasure is open again. */
  readonly done?: Omit<ErasedMark, 'erasureId' | 'sessionHashes'>;
}

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
  const keyOf = ({ producer, outcome, field, reason }: IntakeCount): string =>
    JSON.stringify([producer, outcome, field, reason]);
  const changed = new Map<string, Map<string, IntakeCount>>();
  for (const count of added) {
    const ofDay =
      changed.get(count.day) ?? new Map((intake.get(count.day) ?? []).map((known) => [keyOf(known), known]));
    changed.set(count.day, ofDay);
    ofDay.set(keyOf(count), { ...count, count: count.count + (ofDay.get(keyOf(count))?.count ?? 0) });
  }
  return new Map([...changed].map(([day, counts]) => [day, [...counts.values()]]));
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
