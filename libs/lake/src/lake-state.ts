import type { IntakeCount } from '@facet/schemas';
import type { Erasure, ErasedMark, LakeFileEntry, LakeRecord, MaintenanceClaim } from './lake-record.ts';

/** A file of the lake and the version that added it. */
export interface LakeStateFile extends LakeFileEntry {
  readonly version: number;
}

export interface LakeStateErasure extends Erasure {
  /** The version that recorded it. */
  readonly version: number;
  /** Absent until it was carried out for the first time; rows that came late are added to its counts. */
  readonly done?: Omit<ErasedMark, 'erasureId' | 'sessionHashes'>;
}

/** The lake as of a version: all records up to it, applied. */
export interface LakeState {
  version: number;
  /** Of the record of that version; empty for the empty lake, version 0. */
  id: string;
  readonly files: Map<string, LakeStateFile>;
  /** By source, the first offset that is not in the lake. */
  readonly offsets: Map<string, number>;
  readonly intake: Map<string, IntakeCount>;
  readonly erasures: Map<string, LakeStateErasure>;
  /** Files that are no longer of the lake but still on the disk, with the time when they left. */
  readonly removed: Map<string, number>;
  claim: MaintenanceClaim | undefined;
}

/** Days of intake counts that are kept. */
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
  };
}

/** Brings the state to the version of the record, which must be the next. */
export function applyRecord(state: LakeState, record: LakeRecord): void {
  const { version } = record;
  for (const path of record.remove ?? []) {
    state.files.delete(path);
    state.removed.set(path, record.at);
  }
  for (const file of record.add ?? []) state.files.set(file.path, { ...file, version });
  for (const path of record.deleted ?? []) state.removed.delete(path);
  for (const [source, { to }] of Object.entries(record.offsets ?? {})) state.offsets.set(source, to);
  for (const count of record.intake ?? []) addIntake(state.intake, count);
  for (const erasure of record.erasures ?? []) {
    if (!state.erasures.has(erasure.erasureId)) state.erasures.set(erasure.erasureId, { ...erasure, version });
  }
  for (const mark of record.erased ?? []) markErased(state.erasures, mark);
  if (record.claim !== undefined) state.claim = record.claim ?? undefined;
  state.version = version;
  state.id = record.id;
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
      through: mark.through,
      rows: mark.rows + (erasure.done?.rows ?? 0),
      files: mark.files + (erasure.done?.files ?? 0),
    },
  });
}

/** Whether a file may still hold rows that the erasure is about. */
export function isErasurePending(erasure: LakeStateErasure, file: LakeStateFile): boolean {
  return (
    file.receivedFrom <= erasure.requestedAt &&
    file.version > (erasure.done?.through ?? -1) &&
    erasure.version > (file.erasedThrough ?? -1)
  );
}

/** Erasures that are not carried out on every file, or not yet marked so. */
export function openErasures(state: LakeState): LakeStateErasure[] {
  const files = [...state.files.values()];
  return [...state.erasures.values()].filter(
    (erasure) => erasure.done === undefined || files.some((file) => isErasurePending(erasure, file)),
  );
}

/** The state as JSON. */
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
  readonly erasures: readonly LakeStateErasure[];
  readonly removed: Readonly<Record<string, number>>;
  readonly claim?: MaintenanceClaim;
}

export function parseLakeState(text: string): LakeState {
  const stored = JSON.parse(text) as SerializedState;
  const state: LakeState = {
    ...emptyLakeState(),
    version: stored.version,
    id: stored.id,
    files: new Map(stored.files.map((file) => [file.path, file])),
    offsets: new Map(Object.entries(stored.offsets)),
    erasures: new Map(stored.erasures.map((erasure) => [erasure.erasureId, erasure])),
    removed: new Map(Object.entries(stored.removed)),
    claim: stored.claim,
  };
  for (const count of stored.intake) addIntake(state.intake, count);
  return state;
}
