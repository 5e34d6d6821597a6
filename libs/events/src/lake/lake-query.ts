import { join } from 'node:path';
import { sqlText } from '../duckdb.ts';
import type { LakeWindow } from './lake-event.ts';
import { filesOfWindow } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import type { LakeStateErasure, LakeStateFile } from './lake-state.ts';

/**
 * The query behind `readLake`; `undefined` when no file can hold events of the window. Most lakes hold no anonymous events
 * and no pending erasures: theirs is the plain query, without the joins.
 */
export function lakeQuery(snapshot: LakeSnapshot, window: LakeWindow): string | undefined {
  const files = filesOfWindow(snapshot, window);
  if (files.length === 0) return undefined;
  const { lakeFolder, pendingErasures } = snapshot;
  const hasSessions = files.some(({ anonymous, identifies }) => anonymous + identifies > 0);
  const identifying = hasSessions ? identifyingFiles(snapshot, window) : [];
  const events = parquetTable(lakeFolder, files);
  const tables = [
    `received AS (SELECT eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value FROM ${events} ` +
      `${where(windowConditions(window))} ` +
      `QUALIFY row_number() OVER (PARTITION BY eventId ORDER BY receivedAt, logSource, logOffset) = 1)`,
    ...(hasSessions ? [...identityTables(lakeFolder, identifying, window), joinedTable] : []),
    ...(pendingErasures.length > 0 ? erasedTables(pendingErasures, { events, hasSessions }) : []),
  ];
  const from = hasSessions ? 'joined' : 'received';
  const columns = 'eventId, type, userId, itemId, epoch_ms(occurredAt)::DOUBLE, epoch_ms(receivedAt)::DOUBLE, value';
  const kept = pendingErasures.length > 0 ? where([notErased]) : '';
  return `WITH ${tables.join(', ')} SELECT ${columns} FROM ${from} event ${kept} ORDER BY userId, occurredAt, eventId`;
}

/** Files as a table of {@link lakeColumns}. */
export function parquetTable(lakeFolder: string, files: readonly Pick<LakeStateFile, 'path'>[]): string {
  const paths = files.map(({ path }) => sqlText(join(lakeFolder, path)));
  return `read_parquet([${paths.join(', ')}], hive_partitioning = false)`;
}

/** A time of epoch milliseconds as an SQL value. */
export function sqlTime(ms: number): string {
  return `make_timestamp(${Math.trunc(ms * 1000)})::TIMESTAMPTZ`;
}

/** Files that say whose the sessions are, as far as it was known at the end of the window. */
function identifyingFiles(snapshot: LakeSnapshot, window: LakeWindow): readonly LakeStateFile[] {
  const known = { occurredBefore: window.occurredBefore, receivedBefore: window.receivedBefore };
  return filesOfWindow(snapshot, known).filter(({ identifies }) => identifies > 0);
}

/**
 * `identities(sessionId, occurredAt, userId)`: from when on a session is whose. Of two at one time the one received last
 * counts.
 */
export function identityTables(
  lakeFolder: string,
  files: readonly LakeStateFile[],
  window: Pick<LakeWindow, 'occurredBefore' | 'receivedBefore'>,
): string[] {
  if (files.length === 0) {
    return [
      'identities AS (SELECT NULL::VARCHAR sessionId, NULL::TIMESTAMPTZ occurredAt, NULL::VARCHAR userId LIMIT 0)',
    ];
  }
  const conditions = [
    `type = 'identify'`,
    ...windowConditions({ occurredBefore: window.occurredBefore, receivedBefore: window.receivedBefore }),
  ];
  return [
    `identities AS (SELECT sessionId, occurredAt, arg_max(userId, (receivedAt, userId)) AS userId ` +
      `FROM ${parquetTable(lakeFolder, files)} ${where(conditions)} GROUP BY sessionId, occurredAt)`,
  ];
}

/**
 * The user of an anonymous row of `received`: whom the session next turns out to be; after its last `identify`, who it last
 * was.
 */
const joinedTable =
  `joined AS (SELECT eventId, type, userId, itemId, occurredAt, receivedAt, value FROM received ` +
  `WHERE userId IS NOT NULL AND type <> 'identify' UNION ALL ` +
  `SELECT a.eventId, a.type, coalesce(n.userId, l.userId, 'session:' || a.sessionId), a.itemId, a.occurredAt, a.receivedAt, ` +
  `a.value FROM (SELECT * FROM received WHERE userId IS NULL) a ` +
  `ASOF LEFT JOIN identities n ON a.sessionId = n.sessionId AND a.occurredAt <= n.occurredAt ` +
  `ASOF LEFT JOIN identities l ON a.sessionId = l.sessionId AND a.occurredAt >= l.occurredAt)`;

/**
 * `erased(userId, until)`: what was received of these users until then is left out. Hashing the distinct users costs far less
 * than hashing every row's.
 */
function erasedTables(
  erasures: readonly LakeStateErasure[],
  from: { readonly events: string; readonly hasSessions: boolean },
): string[] {
  const requests = erasures.flatMap(({ userHash, sessionHashes, requestedAt }) => [
    `(${sqlText(userHash)}, ${sqlTime(requestedAt)}, false)`,
    ...sessionHashes.map((hash) => `(${sqlText(hash)}, ${sqlTime(requestedAt)}, true)`),
  ]);
  const people = [
    `SELECT userId AS person, userId AS name, false AS isSession FROM ${from.events} WHERE userId IS NOT NULL`,
    ...(from.hasSessions
      ? [
          'SELECT userId, userId, false FROM identities',
          `SELECT sessionId, 'session:' || sessionId, true FROM ${from.events} WHERE userId IS NULL`,
        ]
      : []),
  ];
  return [
    `erasures(hash, requestedAt, isSession) AS (VALUES ${requests.join(', ')})`,
    `people AS (SELECT DISTINCT person, name, isSession FROM (${people.join(' UNION ALL ')}))`,
    `erased AS (SELECT name AS userId, max(requestedAt) AS until FROM people JOIN erasures ` +
      `ON sha256(people.person) = erasures.hash AND people.isSession = erasures.isSession GROUP BY name)`,
  ];
}

const notErased = 'NOT EXISTS (SELECT 1 FROM erased e WHERE e.userId = event.userId AND event.receivedAt <= e.until)';

function windowConditions(window: LakeWindow): string[] {
  return [
    ...(window.occurredFrom === undefined ? [] : [`occurredAt >= ${sqlTime(window.occurredFrom)}`]),
    ...(window.occurredBefore === undefined ? [] : [`occurredAt < ${sqlTime(window.occurredBefore)}`]),
    ...(window.receivedFrom === undefined ? [] : [`receivedAt >= ${sqlTime(window.receivedFrom)}`]),
    ...(window.receivedBefore === undefined ? [] : [`receivedAt < ${sqlTime(window.receivedBefore)}`]),
  ];
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
}
