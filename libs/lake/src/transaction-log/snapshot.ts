import { join } from 'node:path';
import { dayMs, pathExists } from '@facet/platform';
import type { AppError } from '@facet/platform';
import { dayOf } from '../layout.ts';
import { lakeErrors, lakeSnapshotExpired } from './errors.ts';
import type { ErasureKey } from './erasure-key.ts';
import { isErasurePending } from './state.ts';
import type { LakeState, LakeStateErasure, LakeStateFile } from './state.ts';
import { readLakeState } from './lake-log.ts';

/** Which events to read. All bounds are half-open: `from <= time < before`. */
export interface LakeWindow {
  readonly occurredFrom?: number | undefined;
  readonly occurredBefore?: number | undefined;
  readonly receivedFrom?: number | undefined;
  readonly receivedBefore?: number | undefined;
  /** By source, the first offset that is not read. Sources without an entry are skipped. Absent: no bound. */
  readonly offsets?: Readonly<Record<string, number>> | undefined;
}

/** The lake as of one version. Every read of a snapshot gives the same rows, whatever is committed later. */
export interface LakeSnapshot {
  readonly lakeFolder: string;
  readonly version: number;
  /** Sorted by path. */
  readonly files: readonly LakeStateFile[];
  /** By source, the first offset that the snapshot does not contain. */
  readonly offsets: Readonly<Record<string, number>>;
  /** All recorded erasures, by version. */
  readonly erasures: readonly LakeStateErasure[];
  /** Erasures whose rows some files may still contain. */
  readonly pendingErasures: readonly LakeStateErasure[];
  /** The key of the hashes in the erasures. */
  readonly erasureKey: ErasureKey;
}

/**
 * Pins the current version of the lake, so that several reads agree. A snapshot is valid for the grace period of
 * compactions (one hour by default), because replaced files stay on the disk for that long.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`
 */
export async function openLakeSnapshot(lakeFolder: string): Promise<LakeSnapshot> {
  return snapshotOf(lakeFolder, await readLakeState(lakeFolder));
}

/** Copies the state of a lake into a snapshot. */
export function snapshotOf(lakeFolder: string, state: LakeState): LakeSnapshot {
  const files = [...state.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const erasures = [...state.erasures.values()].sort((a, b) => a.version - b.version);
  const pendingErasures = erasures.filter((erasure) => files.some((file) => isErasurePending(erasure, file)));
  const offsets = Object.fromEntries([...state.offsets].sort(([a], [b]) => (a < b ? -1 : 1)));
  const { version, erasureKey } = state;
  return { lakeFolder, version: Math.max(0, version), files, offsets, erasures, pendingErasures, erasureKey };
}

/** Returns the files of the snapshot that may contain events of the window. */
export function filesOfWindow(snapshot: LakeSnapshot, window: LakeWindow): readonly LakeStateFile[] {
  const {
    occurredFrom = -Infinity,
    occurredBefore = Infinity,
    receivedFrom = -Infinity,
    receivedBefore = Infinity,
    offsets,
  } = window;
  return snapshot.files.filter((file) => {
    const start = Date.parse(`${dayOf(file.path)}T00:00:00Z`);
    return (
      start + dayMs > occurredFrom &&
      start < occurredBefore &&
      file.receivedTo >= receivedFrom &&
      file.receivedFrom < receivedBefore &&
      (offsets === undefined ||
        Object.entries(file.sources).some(([source, { from }]) => from < (offsets[source] ?? 0)))
    );
  });
}

/** Returns the files of the window that contain `identify` events. */
export function identifyingFiles(snapshot: LakeSnapshot, window: LakeWindow = {}): readonly LakeStateFile[] {
  return filesOfWindow(snapshot, window).filter(({ identifies }) => identifies > 0);
}

/** Returns the error for a failed read: the snapshot has expired, or a file is damaged. */
export async function lakeUnreadable(
  { lakeFolder, files }: Pick<LakeSnapshot, 'lakeFolder' | 'files'>,
  cause: unknown,
): Promise<AppError> {
  const now = await readLakeState(lakeFolder);
  const replaced = files.filter(({ path }) => !now.files.has(path));
  const present = await Promise.all(
    replaced.map(async ({ path }) => pathExists(join(lakeFolder, path)).catch(() => true)),
  );
  return present.includes(false) ? lakeSnapshotExpired(lakeFolder, cause) : lakeErrors.unreadable(lakeFolder, cause);
}
