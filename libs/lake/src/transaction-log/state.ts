import type { IntakeCount } from '@facet/schemas';
import { parseCheckpoint } from './check-records.ts';
import { noErasureKey } from './erasure-key.ts';
import type { ErasureKey } from './erasure-key.ts';
import type { ErasedMark, Erasure, LakeFileEntry, Transaction, MaintenanceClaim } from './transaction.ts';

/** A file of the lake and the version that added it. */
export interface LakeStateFile extends LakeFileEntry {
  readonly version: number;
}

export interface LakeStateErasure extends Erasure {
  /** The version that recorded the erasure, or that opened it again. */
  readonly version: number;
  /** The version that recorded the erasure. Unlike `version`, it never changes. */
  readonly recordedVersion: number;
  /** Absent until the erasure is first applied. Rows that arrive later add to its counts. `through` is -1 while it is open again. */
  readonly done?: Omit<ErasedMark, 'erasureId' | 'sessionHashes' | 'isKeyed'>;
}

/** The state of the lake at a version: the result of all transactions up to that version. */
export interface LakeState {
  version: number;
  /** The id of that version's transaction. Empty for version 0, the empty lake. */
  id: string;
  readonly files: Map<string, LakeStateFile>;
  /** By source, the first offset that the lake does not contain. */
  readonly offsets: Map<string, number>;
  readonly intake: Map<string, IntakeCount>;
  readonly erasures: Map<string, LakeStateErasure>;
  /** Replaced files that are still on the disk, with the time of their replacement. */
  readonly removed: Map<string, number>;
  claim: MaintenanceClaim | undefined;
  /** The key of the hashes in `erasures`. */
  erasureKey: ErasureKey;
}

/** Checkpoints keep the intake counts of this many days. */
const intakeDaysMax = 400;

export function emptyLakeState(): LakeState {
  return {
    version: 0,
    id: '',
    files: new Map(),
    offsets: new Map(),
    intake: new Map(),
    erasures: new Map(),
    removed: new Map(),
    claim: undefined,
    erasureKey: noErasureKey,
  };
}

/** Sets the key of a state, and replaces the hashes that were recorded without one. */
export function setErasureKey(state: LakeState, key: ErasureKey): void {
  state.erasureKey = key;
  for (const [erasureId, erasure] of state.erasures) state.erasures.set(erasureId, withKey(erasure, key));
}

/**
 * Returns an erasure or a mark with keyed hashes. Without a key, returns it unchanged.
 *
 * @throws Error if it needs a key and there is none
 */
export function withKey<Record extends Pick<Erasure, 'sessionHashes' | 'isKeyed'> & { readonly userHash?: string }>(
  record: Record,
  key: ErasureKey,
): Record {
  if (key === noErasureKey) {
    if (record.isKeyed === true) throw new Error('_erasures.key is missing');
    return record;
  }
  if (record.isKeyed === true) return record;
  const { userHash, sessionHashes } = record;
  return {
    ...record,
    ...(userHash === undefined ? {} : { userHash: key.of(userHash) }),
    sessionHashes: sessionHashes.map((hash) => key.of(hash)),
    isKeyed: true,
  };
}

/** Applies the next transaction to the state. */
export function applyTransaction(state: LakeState, transaction: Transaction): void {
  const { version } = transaction;
  // First, because they throw without a key.
  const erasures = transaction.erasures?.map((erasure) => withKey(erasure, state.erasureKey)) ?? [];
  const erased = transaction.erased?.map((mark) => withKey(mark, state.erasureKey)) ?? [];
  for (const path of transaction.remove ?? []) {
    state.files.delete(path);
    state.removed.set(path, transaction.at);
  }
  for (const file of transaction.add ?? []) state.files.set(file.path, { ...file, version });
  for (const path of transaction.deleted ?? []) state.removed.delete(path);
  for (const [source, { to }] of Object.entries(transaction.offsets ?? {})) state.offsets.set(source, to);
  for (const count of transaction.intake ?? []) addIntake(state.intake, count);
  for (const erasure of erasures) {
    if (state.erasures.has(erasure.erasureId)) continue;
    state.erasures.set(erasure.erasureId, { ...erasure, version, recordedVersion: version });
  }
  for (const mark of erased) markErased(state.erasures, mark);
  for (const erasureId of transaction.reopened ?? []) reopenErasure(state.erasures, { erasureId, version });
  if (transaction.claim !== undefined) state.claim = transaction.claim ?? undefined;
  state.version = version;
  state.id = transaction.id;
}

function addIntake(intake: Map<string, IntakeCount>, added: IntakeCount): void {
  const key = JSON.stringify([added.day, added.producer, added.outcome, added.field, added.reason]);
  intake.set(key, { ...added, count: added.count + (intake.get(key)?.count ?? 0) });
}

function markErased(erasures: Map<string, LakeStateErasure>, mark: ErasedMark): void {
  const erasure = erasures.get(mark.erasureId);
  if (erasure === undefined) return;
  erasures.set(mark.erasureId, {
    ...erasure,
    sessionHashes: [...new Set([...erasure.sessionHashes, ...mark.sessionHashes])].sort(),
    done: {
      // A compaction that began before the erasure was opened again has not seen the reason.
      through: erasure.version > mark.through ? neverApplied : mark.through,
      rows: mark.rows + (erasure.done?.rows ?? 0),
      files: mark.files + (erasure.done?.files ?? 0),
    },
  });
}

const neverApplied = -1;

function reopenErasure(
  erasures: Map<string, LakeStateErasure>,
  { erasureId, version }: { readonly erasureId: string; readonly version: number },
): void {
  const erasure = erasures.get(erasureId);
  if (erasure === undefined) return;
  const { done } = erasure;
  erasures.set(erasureId, {
    ...erasure,
    version,
    ...(done === undefined ? {} : { done: { ...done, through: neverApplied } }),
  });
}

/** Returns whether a file may still contain rows that the erasure must remove. */
export function isErasurePending(erasure: LakeStateErasure, file: LakeStateFile): boolean {
  return (
    file.receivedFrom <= erasure.requestedAt &&
    file.version > (erasure.done?.through ?? neverApplied) &&
    erasure.version > (file.erasedThrough ?? -1)
  );
}

/** Returns the erasures that have not been applied to every file. */
export function openErasures(state: LakeState): LakeStateErasure[] {
  const files = [...state.files.values()];
  return [...state.erasures.values()].filter(
    (erasure) => erasure.done === undefined || files.some((file) => isErasurePending(erasure, file)),
  );
}

/** Returns the state as the JSON of a checkpoint. */
export function serializeLakeState(state: LakeState): string {
  const days = [...new Set([...state.intake.values()].map(({ day }) => day))].sort();
  const oldest = days.at(-intakeDaysMax) ?? '';
  return JSON.stringify({
    format: 1,
    version: state.version,
    id: state.id,
    files: [...state.files.values()],
    offsets: Object.fromEntries(state.offsets),
    intake: [...state.intake.values()].filter(({ day }) => day >= oldest),
    erasures: [...state.erasures.values()],
    removed: Object.fromEntries(state.removed),
    claim: state.claim,
  });
}

interface SerializedState {
  readonly version: number;
  readonly id: string;
  readonly files: readonly LakeStateFile[];
  readonly offsets: Readonly<Record<string, number>>;
  readonly intake: readonly IntakeCount[];
  readonly erasures: readonly (Omit<LakeStateErasure, 'recordedVersion'> & Partial<LakeStateErasure>)[];
  readonly removed: Readonly<Record<string, number>>;
  readonly claim?: MaintenanceClaim;
}

/** @throws Error that says what is damaged. */
export function parseLakeState(text: string, key: ErasureKey): LakeState {
  const stored = parseCheckpoint(text) as SerializedState;
  const state: LakeState = {
    ...emptyLakeState(),
    version: stored.version,
    id: stored.id,
    files: new Map(stored.files.map((file) => [file.path, file])),
    offsets: new Map(Object.entries(stored.offsets)),
    erasures: new Map(
      // Checkpoints of earlier releases have no `recordedVersion`.
      stored.erasures.map((erasure) => [
        erasure.erasureId,
        { ...erasure, recordedVersion: erasure.recordedVersion ?? erasure.version },
      ]),
    ),
    removed: new Map(Object.entries(stored.removed)),
    claim: stored.claim,
  };
  for (const count of stored.intake) addIntake(state.intake, count);
  setErasureKey(state, key);
  return state;
}
