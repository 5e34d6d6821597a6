import { join } from 'node:path';
import { sqlText } from './duckdb.ts';
import { identifyType } from '@facet/schemas';
import { sessionUserPrefix } from '@facet/schemas';
import type { LakeWindow } from './lake-event.ts';
import type { LakeFileEntry } from './lake-record.ts';
import type { LakeStateErasure } from './lake-state.ts';

/** Files of the lake as a table of the columns that they have. */
export function parquetTable(lakeFolder: string, files: readonly { readonly path: string }[]): string {
  return parquetFiles(files.map(({ path }) => join(lakeFolder, path)));
}

/** As {@link parquetTable}, for any files. */
export function parquetFiles(paths: readonly string[]): string {
  return `read_parquet([${paths.map(sqlText).join(', ')}], hive_partitioning = false)`;
}

/** A time of epoch milliseconds. */
export function sqlTime(ms: number): string {
  return `make_timestamp(${Math.trunc(ms * 1000)})::TIMESTAMPTZ`;
}

export function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}

/** @param files those that are read; where all of them end below the offsets of the window, rows are not asked for theirs. */
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

const placeOfRepeat = 'row_number() OVER (PARTITION BY eventId ORDER BY receivedAt, logSource, logOffset)';

/** Of rows with one `eventId` the one received first. */
export const receivedFirst = `QUALIFY ${placeOfRepeat} = 1`;

/** Of rows with one `eventId` all others. */
export const receivedAgain = `QUALIFY ${placeOfRepeat} > 1`;

/** The `identify` rows of files, as `identify` in the conditions. */
export function identifyRows(
  lakeFolder: string,
  files: readonly { readonly path: string }[],
  conditions: readonly string[] = [],
): string {
  const table = files.length === 0 ? `(${noIdentifyRows})` : parquetTable(lakeFolder, files);
  const own = where([`type = ${sqlText(identifyType)}`, ...conditions]);
  return `SELECT sessionId, userId, occurredAt, receivedAt FROM ${table} identify ${own}`;
}

const noIdentifyRows =
  `SELECT NULL::VARCHAR AS type, NULL::VARCHAR AS sessionId, NULL::VARCHAR AS userId, ` +
  `NULL::TIMESTAMPTZ AS occurredAt, NULL::TIMESTAMPTZ AS receivedAt LIMIT 0`;

/**
 * The rows of a table with their `owner`. An anonymous row's is the user whom its session next turns out to be; after its
 * last `identify`, who it last was; without any, the session itself. Of two users at one time the one received last counts.
 * `identifies` is a table of {@link identifyRows}.
 */
export function ownedRows(rows: string, identifies: string): string {
  return `SELECT *, userId AS owner FROM ${rows} WHERE userId IS NOT NULL UNION ALL ${sessionRows(rows, identifies)}`;
}

/** Of {@link ownedRows} those without a user. */
export function sessionRows(rows: string, identifies: string): string {
  const identities =
    `(SELECT sessionId, occurredAt, arg_max(userId, (receivedAt, userId)) AS userId ` +
    `FROM ${identifies} GROUP BY sessionId, occurredAt)`;
  return (
    `SELECT a.*, coalesce(n.userId, l.userId, ${sqlText(sessionUserPrefix)} || a.sessionId) AS owner ` +
    `FROM (SELECT * FROM ${rows} WHERE userId IS NULL) a ` +
    `ASOF LEFT JOIN ${identities} n ON a.sessionId = n.sessionId AND a.occurredAt <= n.occurredAt ` +
    `ASOF LEFT JOIN ${identities} l ON a.sessionId = l.sessionId AND a.occurredAt >= l.occurredAt`
  );
}

/**
 * A query for `(owner, erasureId, requestedAt)`: what was received of the owner until then is to be left out. Hashing the
 * distinct people of the tables costs far less than hashing them row by row.
 */
export function erasedOwners(erasures: readonly LakeStateErasure[], tables: readonly string[]): string {
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
    `ON sha256(people.id) = requests.hash AND people.isSession = requests.isSession`
  );
}

/** Whether a row with `owner` is not in the table that {@link erasedOwners} makes. */
export function notErased(erased: string, row: string, owner = 'owner'): string {
  return (
    `NOT EXISTS (SELECT 1 FROM ${erased} erasure ` +
    `WHERE erasure.owner = ${row}.${owner} AND ${row}.receivedAt <= erasure.requestedAt)`
  );
}
