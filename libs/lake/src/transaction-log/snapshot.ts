import type { DuckDBConnection } from '@duckdb/node-api';
import { dayMs, isAppError } from '@facet/platform';
import type { AppError } from '@facet/platform';
import { withDuckDb } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { dayOf } from '../layout.ts';
import type { LakeStorage } from '../storage/lake-storage.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { lakeLogErrors, lakeSnapshotExpired } from './errors.ts';
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
  /** The folder of the lake. In an opened snapshot, the folder of the opened files. */
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
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `S3_REFUSED`, `S3_UNREACHABLE`; as `openLakeStorage`
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

/** The fields of a snapshot that {@link openFiles} needs. */
type Readable = Pick<LakeSnapshot, 'lakeFolder' | 'files'>;

/** Makes files of a snapshot readable until `close`. @throws AppError as {@link lakeUnreadable} */
export async function openFiles<Snapshot extends Readable>(
  snapshot: Snapshot,
  files: Parameters<LakeStorage['open']>[0],
): Promise<{ readonly snapshot: Snapshot; close(): Promise<void> }> {
  try {
    const { folder, close } = await (await openLakeStorage(snapshot.lakeFolder)).open(files);
    return { snapshot: { ...snapshot, lakeFolder: folder }, close };
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  }
}

/** Runs `read` on a snapshot whose files are readable. @throws AppError as {@link lakeUnreadable} */
export async function withFiles<Snapshot extends Readable, Result>(
  snapshot: Snapshot,
  files: Parameters<LakeStorage['open']>[0],
  read: (opened: Snapshot) => Promise<Result>,
): Promise<Result> {
  const opened = await openFiles(snapshot, files);
  try {
    return await read(opened.snapshot);
  } finally {
    await opened.close();
  }
}

/**
 * Makes the files of a snapshot readable, and runs `query` with a new DuckDB connection.
 *
 * @throws AppError of `query`; as {@link lakeUnreadable} for other errors; the abort reason of `options.signal`
 */
export async function queryFiles<Snapshot extends Readable, Result>(
  snapshot: Snapshot,
  files: Parameters<LakeStorage['open']>[0],
  options: DuckDbOptions,
  query: (connection: DuckDBConnection, opened: Snapshot) => Promise<Result>,
): Promise<Result> {
  try {
    return await withFiles(snapshot, files, (opened) => withDuckDb(options, (connection) => query(connection, opened)));
  } catch (error) {
    options.signal?.throwIfAborted();
    throw isAppError(error) ? error : await lakeUnreadable(snapshot, error);
  }
}

/** Returns the files that a query of a window reads: its own, and those with the `identify` events that assign anonymous events to users. */
export function filesToRead(snapshot: LakeSnapshot, window: LakeWindow): LakeSnapshot['files'] {
  const own = filesOfWindow(snapshot, window);
  if (own.length === 0) return [];
  const { occurredBefore, receivedBefore, offsets } = window;
  // Erasures depend on all `identify` events.
  const known = snapshot.pendingErasures.length > 0 ? {} : { occurredBefore, receivedBefore, offsets };
  return [...new Set([...own, ...identifyingFiles(snapshot, known)])];
}

/** Returns the error for a failed read: the snapshot has expired, a file is damaged, or the lake cannot be read now. */
export async function lakeUnreadable(
  { lakeFolder, files }: Pick<LakeSnapshot, 'lakeFolder' | 'files'>,
  cause: unknown,
): Promise<AppError> {
  if (isAppError(cause) && cause.category === 'unavailable') return cause;
  const storage = await openLakeStorage(lakeFolder);
  const now = await readLakeState(storage);
  const replaced = files.filter(({ path }) => !now.files.has(path));
  const placed = await storage.list().then(
    (paths) => new Set(paths),
    () => undefined,
  );
  const isExpired = placed !== undefined && replaced.some(({ path }) => !placed.has(path));
  return isExpired ? lakeSnapshotExpired(storage.location, cause) : lakeLogErrors.unreadable(storage.location, cause);
}
