import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppError } from '@facet/platform';
import { lakeDamaged, lakeSnapshotExpired } from './lake-errors.ts';
import { dayOf } from './lake-layout.ts';
import type { LakeWindow } from './lake-event.ts';
import { readLakeState } from './lake-log.ts';
import { isErasurePending } from './lake-state.ts';
import type { LakeState, LakeStateErasure, LakeStateFile } from './lake-state.ts';

/** The lake as of one moment. Whatever is committed later, reads of it give the same rows. */
export interface LakeSnapshot {
  readonly lakeFolder: string;
  readonly version: number;
  /** In order of their paths. */
  readonly files: readonly LakeStateFile[];
  /** By source, the first offset that is not in it. */
  readonly offsets: Readonly<Record<string, number>>;
  /** All that it was told of, in the order of their versions. */
  readonly erasures: readonly LakeStateErasure[];
  /** Those that some of the files may still have to be cleared of. */
  readonly pendingErasures: readonly LakeStateErasure[];
}

/**
 * Pins the lake as it is now, so that several reads agree. Files that a compaction replaces stay on the disk for its grace
 * period, an hour unless it is told otherwise; a snapshot is good for as long.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`
 */
export async function openLakeSnapshot(lakeFolder: string): Promise<LakeSnapshot> {
  return snapshotOf(lakeFolder, await readLakeState(lakeFolder));
}

/** The state of a lake, copied. */
export function snapshotOf(lakeFolder: string, state: LakeState): LakeSnapshot {
  const files = [...state.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const erasures = [...state.erasures.values()].sort((a, b) => a.version - b.version);
  const pendingErasures = erasures.filter((erasure) => files.some((file) => isErasurePending(erasure, file)));
  const offsets = Object.fromEntries([...state.offsets].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { lakeFolder, version: state.version, files, offsets, erasures, pendingErasures };
}

/** The files of the snapshot that may hold events of the window. */
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

/** Those files of the window that say whose sessions are. */
export function identifyingFiles(snapshot: LakeSnapshot, window: LakeWindow = {}): readonly LakeStateFile[] {
  return filesOfWindow(snapshot, window).filter(({ identifies }) => identifies > 0);
}

const dayMs = 86_400_000;

/** What a failed read of the snapshot's files becomes. */
export async function lakeUnreadable(
  { lakeFolder, files }: Pick<LakeSnapshot, 'lakeFolder' | 'files'>,
  cause: unknown,
): Promise<AppError> {
  const now = await readLakeState(lakeFolder);
  const missing = await Promise.all(
    files.filter(({ path }) => !now.files.has(path)).map(async ({ path }) => isAbsent(join(lakeFolder, path))),
  );
  return missing.includes(true) ? lakeSnapshotExpired(lakeFolder, cause) : lakeDamaged(lakeFolder, cause);
}

async function isAbsent(path: string): Promise<boolean> {
  return access(path).then(
    () => false,
    () => true,
  );
}
