import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { hashUser, sessionUserPrefix } from '@facet/schemas';
import { sqlText, withDuckDb } from './duckdb.ts';
import type { DuckDbOptions } from './duckdb.ts';
import { readLakeState } from './lake-log.ts';
import type { Erasure } from './lake-record.ts';
import { identifyingFiles, lakeUnreadable, snapshotOf } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import { identifyRows, ownedRows, parquetTable, sqlTime, where } from './lake-sql.ts';
import { openErasures } from './lake-state.ts';
import type { LakeState } from './lake-state.ts';

/** An erasure and how far it is. */
export interface LakeErasure extends Erasure {
  /** Whether files of the lake may still hold what it is about. Reads leave that out already. */
  readonly isPending: boolean;
  /** What it has removed so far. */
  readonly rows: number;
  readonly files: number;
}

/** The erasures that the lake was told of, oldest first. @throws AppError `EVENTS_LAKE_DAMAGED` */
export async function listErasures(lakeFolder: string): Promise<LakeErasure[]> {
  return erasuresOf(await readLakeState(lakeFolder));
}

/** What the disk still holds of a user. */
export interface ErasureCheck {
  readonly userHash: string;
  /** The requests to forget the user. */
  readonly erasures: readonly LakeErasure[];
  /** Rows received up to the last request, or all rows if there is none. */
  readonly rows: number;
  /** The files that hold them. Replaced ones are deleted by the first compaction after their grace period. */
  readonly files: readonly { readonly path: string; readonly rows: number; readonly isReplaced: boolean }[];
}

/**
 * Looks into every file for what erasing the user is to remove: rows of the user, and those of sessions that were the user's.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`
 */
export async function verifyErasure(
  lakeFolder: string,
  userId: string,
  options: DuckDbOptions = {},
): Promise<ErasureCheck> {
  const state = await readLakeState(lakeFolder);
  const userHash = hashUser(userId);
  const erasures = erasuresOf(state).filter((erasure) => erasure.userHash === userHash);
  const paths = [...state.files.keys(), ...(await presentOf(lakeFolder, state.removed.keys()))];
  if (paths.length === 0) return { userHash, erasures, rows: 0, files: [] };
  const snapshot = snapshotOf(lakeFolder, state);
  const counts = await withDuckDb(options, async (connection) => {
    const result = await connection.run(countStatement(snapshot, { userId, erasures, paths }));
    return new Map((await result.getRows()) as [string, number][]);
  }).catch(async (error: unknown) => {
    throw await lakeUnreadable(snapshot, error);
  });
  const files = paths
    .map((path) => ({ path, rows: counts.get(join(lakeFolder, path)) ?? 0, isReplaced: !state.files.has(path) }))
    .filter(({ rows }) => rows > 0);
  return { userHash, erasures, rows: files.reduce((sum, { rows }) => sum + rows, 0), files };
}

function erasuresOf(state: LakeState): LakeErasure[] {
  const open = new Set(openErasures(state).map(({ erasureId }) => erasureId));
  return [...state.erasures.values()].map(({ erasureId, userHash, sessionHashes, requestedAt, requestedBy, done }) => ({
    erasureId,
    userHash,
    sessionHashes,
    requestedAt,
    requestedBy,
    isPending: open.has(erasureId),
    rows: done?.rows ?? 0,
    files: done?.files ?? 0,
  }));
}

function countStatement(
  snapshot: LakeSnapshot,
  about: {
    readonly userId: string;
    readonly erasures: readonly LakeErasure[];
    readonly paths: readonly string[];
  },
): string {
  const { lakeFolder } = snapshot;
  const times = about.erasures.map(({ requestedAt }) => requestedAt);
  const table = parquetTable(
    lakeFolder,
    about.paths.map((path) => ({ path })),
  );
  const until = times.length === 0 ? [] : [`receivedAt <= ${sqlTime(Math.max(...times))}`];
  const sessions = about.erasures.flatMap(({ sessionHashes }) => sessionHashes).map(sqlText);
  const ofSessions = sessions.length === 0 ? 'false' : `sha256(sessionId) IN (${sessions.join(', ')})`;
  return (
    `WITH received AS (SELECT userId, sessionId, occurredAt, receivedAt, filename FROM ${table} ${where(until)}), ` +
    `identifies AS (${identifyRows(lakeFolder, identifyingFiles(snapshot))}) ` +
    `SELECT filename, count(*)::DOUBLE FROM (${ownedRows('received', 'identifies')}) ` +
    `WHERE owner = ${sqlText(about.userId)} ` +
    `OR (owner = ${sqlText(sessionUserPrefix)} || sessionId AND ${ofSessions}) GROUP BY filename`
  );
}

async function presentOf(lakeFolder: string, paths: Iterable<string>): Promise<string[]> {
  const present: string[] = [];
  for (const path of paths) {
    const isPresent = await access(join(lakeFolder, path)).then(
      () => true,
      () => false,
    );
    if (isPresent) present.push(path);
  }
  return present;
}
