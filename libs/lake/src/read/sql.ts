import { join } from 'node:path';
import { identifyType, sessionUserPrefix } from '@facet/schemas';
import { sqlText } from '../duckdb.ts';
import { identifyingFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import type { ErasureKey } from '../transaction-log/erasure-key.ts';
import type { LakeStateErasure, LakeFileEntry } from '../transaction-log/state.ts';
import { lakeColumns } from '../layout.ts';

/** Returns SQL for a table of the rows in files of the lake. */
export function parquetTable(lakeFolder: string, files: readonly { readonly path: string }[]): string {
  return files.length === 0 ? noRows : parquetFiles(files.map(({ path }) => join(lakeFolder, path)));
}

const nullOf = {
  string: 'CAST(NULL AS STRING)',
  double: 'CAST(NULL AS DOUBLE)',
  long: 'CAST(NULL AS BIGINT)',
  timestamp: 'timestamp_micros(CAST(NULL AS BIGINT))',
};

/** SQL for a table of the lake without rows. */
export const noRows = `(SELECT ${Object.entries(lakeColumns)
  .map(([name, type]) => `${nullOf[type]} AS ${name}`)
  .join(', ')} LIMIT 0)`;

/** Returns SQL for a table of the rows in any Parquet files. */
export function parquetFiles(paths: readonly string[]): string {
  return `read_parquet([${paths.map(sqlText).join(', ')}], hive_partitioning = false)`;
}

/** Returns SQL for a time in epoch milliseconds. */
export function sqlTime(ms: number): string {
  return `timestamp_micros(${Math.trunc(ms * 1000)})`;
}

export function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}

/**
 * Returns the SQL conditions of a window.
 *
 * @param files the files to read; when all of them end below the offsets of the window, rows need no offset condition
 */
export function windowConditions(window: LakeWindow, files?: readonly Pick<LakeFileEntry, 'sources'>[]): string[] {
  const { occurredFrom, occurredBefore, receivedFrom, receivedBefore, offsets } = window;
  return [
    ...(occurredFrom === undefined ? [] : [`occurredAt >= ${sqlTime(occurredFrom)}`]),
    ...(occurredBefore === undefined ? [] : [`occurredAt < ${sqlTime(occurredBefore)}`]),
    ...(receivedFrom === undefined ? [] : [`receivedAt >= ${sqlTime(receivedFrom)}`]),
    ...(receivedBefore === undefined ? [] : [`receivedAt < ${sqlTime(receivedBefore)}`]),
    ...(offsets === undefined || files?.every((file) => isBelow(file, offsets)) === true
      ? []
      : [belowOffsets(offsets)]),
  ];
}

function isBelow({ sources }: Pick<LakeFileEntry, 'sources'>, offsets: Readonly<Record<string, number>>): boolean {
  return Object.entries(sources).every(([source, { to }]) => to <= (offsets[source] ?? 0));
}

function belowOffsets(offsets: Readonly<Record<string, number>>): string {
  const bounds = Object.entries(offsets).map(([source, next]) => ` WHEN ${sqlText(source)} THEN ${Math.trunc(next)}`);
  return bounds.length === 0 ? 'false' : `logOffset < CASE logSource${bounds.join('')} ELSE 0 END`;
}

/** The number of a row among the rows with the same `eventId`; 1 for the first received. */
export const occurrenceOfEvent = 'row_number() OVER (PARTITION BY eventId ORDER BY receivedAt, logSource, logOffset)';

/** Returns SQL for the `identify` rows of a table. The conditions may refer to the table as `identify`. */
export function identifyRows(table: string, conditions: readonly string[] = []): string {
  const own = where([`type = ${sqlText(identifyType)}`, ...conditions]);
  return `SELECT sessionId, userId, occurredAt, receivedAt FROM ${table} identify ${own}`;
}

/**
 * Returns SQL for the rows of a table with their `owner`. The owner of an anonymous row is the user of the next `identify` of
 * its session, or else of the last one before it, or else `session:<sessionId>`. When two `identify` have the same time, the
 * last received counts.
 *
 * @param identifies a table of {@link identifyRows}
 */
export function ownedRows(rows: string, identifies: string): string {
  return `SELECT *, userId AS owner FROM ${rows} WHERE userId IS NOT NULL UNION ALL ${sessionRows(rows, identifies)}`;
}

/** Returns SQL for the anonymous rows among {@link ownedRows}. */
export function sessionRows(rows: string, identifies: string): string {
  const identities = identitiesOf(identifies);
  return (
    `SELECT a.*, coalesce(n.userId, l.userId, ${sqlText(sessionUserPrefix)} || a.sessionId) AS owner ` +
    `FROM (SELECT * FROM ${rows} WHERE userId IS NULL) a ` +
    `ASOF LEFT JOIN ${identities} n ON a.sessionId = n.sessionId AND a.occurredAt <= n.occurredAt ` +
    `ASOF LEFT JOIN ${identities} l ON a.sessionId = l.sessionId AND a.occurredAt >= l.occurredAt`
  );
}

/** Returns SQL for the user of each session at each time of an `identify`. The last received of the same time counts. */
export function identitiesOf(identifies: string): string {
  return (
    `(SELECT sessionId, occurredAt, max_by(userId, (receivedAt, userId)) AS userId ` +
    `FROM ${identifies} GROUP BY sessionId, occurredAt)`
  );
}

/**
 * Returns the names and the SQL of the tables that decide which rows are erased. Each statement may refer to the tables before it:
 *
 * - `everyIdentify`: the `identify` rows of the lake
 * - `erasedOwners(owner, erasureId, requestedAt)`: rows of the owner received until then are erased
 * - `erased`: `erasedOwners` and the sessions of their erased `identify` rows
 * - `keptIdentify`: `everyIdentify` without erased rows
 *
 * Erasing an `identify` of one user can give the events of the session to another user, who may have been erased long ago.
 * Therefore all recorded erasures apply, not only the pending ones.
 *
 * @param events the table of the files that are searched for erased users
 */
export function erasureTables(snapshot: LakeSnapshot, events: string): readonly (readonly [string, string])[] {
  const { lakeFolder, erasures, erasureKey } = snapshot;
  return [
    ['everyIdentify', identifyRows(parquetTable(lakeFolder, identifyingFiles(snapshot)))],
    ['erasedOwners', erasedOwners(erasures, [events, 'everyIdentify'], erasureKey)],
    [
      'erased',
      `FROM erasedOwners UNION SELECT ${sqlText(sessionUserPrefix)} || sessionId, erasureId, requestedAt ` +
        `FROM everyIdentify identify JOIN erasedOwners erasedOwner ` +
        `ON erasedOwner.owner = identify.userId AND identify.receivedAt <= erasedOwner.requestedAt`,
    ],
    ['keptIdentify', `SELECT * FROM everyIdentify identify WHERE ${notErased('identify', 'userId')}`],
  ];
}

/**
 * Returns SQL for `(owner, erasureId, requestedAt)`: rows of the owner received until then are erased. Hashing the distinct
 * people of the tables costs far less than hashing every row.
 */
export function erasedOwners(
  erasures: readonly LakeStateErasure[],
  tables: readonly string[],
  key: ErasureKey,
): string {
  const requests = erasures.flatMap(({ erasureId, userHash, sessionHashes, requestedAt }) =>
    [userHash, ...sessionHashes].map(
      (hash, index) => `(${sqlText(erasureId)}, ${sqlText(hash)}, ${sqlTime(requestedAt)}, ${index > 0})`,
    ),
  );
  const people = tables.map(
    (table) => `SELECT DISTINCT coalesce(userId, sessionId) AS id, userId IS NULL AS isSession FROM ${table}`,
  );
  return (
    `SELECT CASE WHEN people.isSession THEN ${sqlText(sessionUserPrefix)} || id ELSE id END AS owner, erasureId, requestedAt ` +
    `FROM (${people.join(' UNION ')}) people JOIN (VALUES ${requests.join(', ')}) requests(erasureId, hash, requestedAt, isSession) ` +
    `ON ${key.sql('people.id')} = requests.hash AND people.isSession = requests.isSession`
  );
}

/** Returns the SQL condition that a row is not erased, given the table `erased` of {@link erasureTables}. */
export function notErased(row: string, owner = 'owner'): string {
  return (
    `NOT EXISTS (SELECT 1 FROM erased erasure ` +
    `WHERE erasure.owner = ${row}.${owner} AND ${row}.receivedAt <= erasure.requestedAt)`
  );
}

/**
 * Returns SQL for the anonymous rows of a table that are not erased, given the tables of {@link erasureTables}. Their owner was
 * not erased, neither before nor after the erased `identify` rows are removed.
 */
export function keptSessionRows(rows: string): string {
  const keptBy = (identifies: string, table: string): string =>
    `SELECT * EXCLUDE owner FROM (${sessionRows(table, identifies)}) owned WHERE ${notErased('owned')}`;
  return keptBy('keptIdentify', `(${keptBy('everyIdentify', rows)})`);
}
