import { join, relative } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { listNames, pathExists } from '@facet/platform';
import { hashUser, sessionUserPrefix } from '@facet/schemas';
import { sqlText } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { isLakeFileName, uploadedFolder } from '../layout.ts';
import { erasureTables, identifyRows, ownedRows, parquetTable, sessionRows, sqlTime, where } from '../read/sql.ts';
import type { ErasureKey } from '../transaction-log/erasure-key.ts';
import type { LakeStorage } from '../storage/lake-storage.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { isDayFolder, listTemporaryFiles } from '../storage/place-files.ts';
import { lakeLogErrors } from '../transaction-log/errors.ts';
import { identifyingFiles, queryFiles, snapshotOf, withFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot } from '../transaction-log/snapshot.ts';
import { pendingErasures } from '../transaction-log/state.ts';
import type { LakeState, LakeStateErasure, ErasedMark, Erasure } from '../transaction-log/state.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';

/** An erasure and its progress. */
export interface LakeErasure extends Erasure {
  /** Whether files of the lake may still contain rows to remove. Reads leave such rows out. */
  readonly isPending: boolean;
  /** Rows removed so far. */
  readonly rows: number;
  readonly files: number;
}

/** Lists the recorded erasures, oldest first. @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE` */
export async function listErasures(lakeFolder: string): Promise<LakeErasure[]> {
  return erasuresOf(await readLakeState(lakeFolder));
}

/** The rows of a user that are still stored. */
export interface ErasureCheck {
  /** The hash of the user under the key. */
  readonly userHash: string;
  readonly erasureKey: ErasureKey;
  /** The erasure requests for the user. */
  readonly erasures: readonly LakeErasure[];
  /** Rows received up to the last request, or all rows without a request. */
  readonly rows: number;
  /** The files with these rows. The first compaction after the grace period deletes replaced files. */
  readonly files: readonly {
    readonly path: string;
    readonly rows: number;
    readonly isReplaced: boolean;
    /** In the folder of a process that writes, or that was killed. A compaction deletes the folder after the process has ended. */
    readonly isTemporary: boolean;
  }[];
  /** Temporary files without an end or without the columns of events, and copies for a cluster. They may contain rows of the user. */
  readonly unreadable: readonly string[];
  /** Folders with local files of a lake that was moved to S3. They may contain rows of the user. */
  readonly localFolders: readonly string[];
}

/**
 * Counts the rows in every file that erasing the user must remove: rows of the user and of the user's sessions.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`
 */
export async function verifyErasure(
  lakeFolder: string,
  userId: string,
  options: DuckDbOptions = {},
): Promise<ErasureCheck> {
  const storage = await openLakeStorage(lakeFolder);
  const state = await readLakeState(storage);
  const userHash = state.erasureKey.of(hashUser(userId));
  const erasures = erasuresOf(state).filter((erasure) => erasure.userHash === userHash);
  const current = [...state.files.values()];
  const others = (await storage.list()).filter((path) => !state.files.has(path) && isLakeFileName(path));
  const paths = [...current.map(({ path }) => path), ...others];
  const { erasureKey } = state;
  const temporary = new Set(await lakeLogErrors.reading(lakeFolder, listTemporaryFiles(lakeFolder)));
  const unreadable = await storage.listClusterFiles();
  const localFolders = await lakeLogErrors.reading(lakeFolder, listLocalFolders(storage));
  if (paths.length + temporary.size === 0) {
    return { userHash, erasureKey, erasures, rows: 0, files: [], unreadable, localFolders };
  }
  const snapshot = snapshotOf(lakeFolder, state);
  const read = [...current, ...others.map((path) => ({ path }))];
  const counts = await queryFiles(snapshot, read, options, async (connection, opened) => {
    const identifying = parquetTable(opened.lakeFolder, identifyingFiles(snapshot));
    const count = async (folder: string, counted: readonly string[]): Promise<[string, number][]> => {
      const events = parquetTable(
        folder,
        counted.map((path) => ({ path })),
      );
      const statement = countStatement({ userId, erasures, erasureKey, events, identifying });
      const rows = (await (await connection.run(statement)).getRows()) as [string, number][];
      return rows.map(([file, number]) => [relative(folder, file), number]);
    };
    const found = paths.length === 0 ? [] : await count(opened.lakeFolder, paths);
    for (const path of temporary) {
      const rows = await count(lakeFolder, [path]).catch(() => undefined);
      found.push(...(rows ?? []));
      // The process may have moved or deleted the file meanwhile.
      if (rows === undefined && (await pathExists(join(lakeFolder, path)))) unreadable.push(path);
    }
    return new Map(found);
  }).finally(() => storage.dropCopies((path) => state.files.has(path)));
  const files = [...paths, ...temporary]
    .map((path) => ({
      path,
      rows: counts.get(path) ?? 0,
      isReplaced: !state.files.has(path),
      isTemporary: temporary.has(path),
    }))
    .filter(({ rows }) => rows > 0);
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  return { userHash, erasureKey, erasures, rows, files, unreadable, localFolders };
}

async function listLocalFolders({ folder, location }: LakeStorage): Promise<string[]> {
  const names = (await listNames(folder)).sort();
  // A killed upload leaves days of a lake on S3 in its folder.
  const local = names.filter((name) => name === uploadedFolder || (location !== folder && isDayFolder(name)));
  return local.map((name) => join(folder, name));
}

function erasuresOf(state: LakeState): LakeErasure[] {
  const open = new Set(pendingErasures(state).map(({ erasureId }) => erasureId));
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

function countStatement(about: {
  readonly userId: string;
  readonly erasures: readonly LakeErasure[];
  readonly erasureKey: ErasureKey;
  /** SQL of the table in which to count. */
  readonly events: string;
  /** SQL of a table with the `identify` events of the lake. */
  readonly identifying: string;
}): string {
  const { erasureKey, events } = about;
  const times = about.erasures.map(({ requestedAt }) => requestedAt);
  const until = times.length === 0 ? [] : [`receivedAt <= ${sqlTime(Math.max(...times))}`];
  const sessions = about.erasures.flatMap(({ sessionHashes }) => sessionHashes).map(sqlText);
  const ofSessions = sessions.length === 0 ? 'false' : `${erasureKey.sql('sessionId')} IN (${sessions.join(', ')})`;
  return (
    `WITH received AS (SELECT userId, sessionId, occurredAt, receivedAt, filename FROM ${events} ${where(until)}), ` +
    `identifies AS (${identifyRows(about.identifying)}) ` +
    `SELECT filename, count(*)::DOUBLE FROM (${ownedRows('received', 'identifies')}) ` +
    `WHERE owner = ${sqlText(about.userId)} ` +
    `OR (owner = ${sqlText(sessionUserPrefix)} || sessionId AND ${ofSessions}) GROUP BY filename`
  );
}

/** The changes that apply erasures. */
export interface ErasurePlan {
  /** Recorded in the transaction that applies the erasures. */
  readonly marks: readonly ErasedMark[];
  /** Files with rows to remove. */
  readonly paths: ReadonlySet<string>;
}

/** Returns SQL for the rows of a table that are not in the table `erasing` of {@link planErasures}. */
export function withoutErasing(table: string): string {
  return `SELECT * FROM ${table} event WHERE NOT EXISTS (SELECT 1 FROM erasing WHERE erasing.logSource = event.logSource AND erasing.logOffset = event.logOffset)`;
}

/** Finds the rows to erase in the whole lake and creates the table `erasing(erasureId, path, logSource, logOffset)` of them. */
export async function planErasures(
  connection: DuckDBConnection,
  snapshot: LakeSnapshot,
  pending: readonly LakeStateErasure[],
): Promise<ErasurePlan> {
  const newest = Math.max(...snapshot.erasures.map(({ requestedAt }) => requestedAt));
  const files = snapshot.files.filter(({ receivedFrom }) => receivedFrom <= newest);
  const read = [...new Set([...files, ...identifyingFiles(snapshot)])];
  return withFiles(snapshot, read, async (opened) => planFor(connection, opened, { files, pending }));
}

async function planFor(
  connection: DuckDBConnection,
  snapshot: LakeSnapshot,
  { files, pending }: { readonly files: LakeSnapshot['files']; readonly pending: readonly LakeStateErasure[] },
): Promise<ErasurePlan> {
  const { lakeFolder, version } = snapshot;
  const found: [erasureId: string, path: string, rows: number][] = [];
  const sessions = new Map<string, string[]>();
  if (files.length > 0) {
    const events = parquetTable(lakeFolder, files);
    const run = async <Row>(sql: string): Promise<Row[]> => (await (await connection.run(sql)).getRows()) as Row[];
    for (const [name, sql] of erasureTables(snapshot, events)) await run(`CREATE TEMP TABLE ${name} AS ${sql}`);
    await run(
      `CREATE TEMP TABLE erasing AS ` +
        `WITH received AS (SELECT userId, sessionId, occurredAt, receivedAt, logSource, logOffset, filename FROM ${events}) ` +
        `SELECT arg_min(erasureId, (requestedAt, erasureId)) AS erasureId, filename AS path, logSource, logOffset ` +
        `FROM (${ownedRows('received', 'everyIdentify')} UNION ALL ${sessionRows('received', 'keptIdentify')}) event ` +
        `JOIN erased ON erased.owner = event.owner AND event.receivedAt <= erased.requestedAt GROUP BY path, logSource, logOffset`,
    );
    const counts = await run<(typeof found)[number]>(
      `SELECT erasureId, path, count(*)::DOUBLE FROM erasing GROUP BY ALL`,
    );
    for (const [erasureId, path, rows] of counts) found.push([erasureId, relative(lakeFolder, path), rows]);
    const hashes = await run<[erasureId: string, sessionHash: string]>(
      `SELECT DISTINCT erasureId, ${snapshot.erasureKey.sql('sessionId')} FROM everyIdentify identify JOIN erasedOwners erasedOwner ` +
        `ON erasedOwner.owner = identify.userId AND identify.receivedAt <= erasedOwner.requestedAt ORDER BY ALL`,
    );
    for (const [erasureId, hash] of hashes) sessions.set(erasureId, [...(sessions.get(erasureId) ?? []), hash]);
  }
  const applied = new Set([
    ...pending.map(({ erasureId }) => erasureId),
    ...found.map(([erasureId]) => erasureId),
    ...sessions.keys(),
  ]);
  return {
    paths: new Set(found.map(([, path]) => path)),
    marks: [...applied].map((erasureId) => {
      const own = found.filter(([of]) => of === erasureId);
      return {
        erasureId,
        through: version,
        rows: own.reduce((sum, [, , rows]) => sum + rows, 0),
        files: own.length,
        sessionHashes: sessions.get(erasureId) ?? [],
      };
    }),
  };
}
