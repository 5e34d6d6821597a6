import type { DuckDBConnection } from '@duckdb/node-api';
import { identifyType } from '@facet/schemas';
import { countRows, sqlText } from '../duckdb.ts';
import { filesOfWindow, identifyingFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';
import type { LakeFileEntry } from '../transaction-log/state.ts';
import {
  erasureTables,
  identifyRows,
  keptSessionRows,
  notErased,
  parquetTable,
  occurrenceOfEvent,
  sessionRows,
  where,
  windowConditions,
} from './sql.ts';

/** A temporary table or view. Its query may refer to the tables before it. */
export interface SqlTable {
  readonly name: string;
  readonly sql: string;
  /** An equal query, with which DuckDB saves a join if this table before it is empty. */
  readonly ifEmpty?: { readonly table: string; readonly sql: string };
  /** Whether the rows are computed once. Otherwise, each query computes them again. */
  readonly isStored: boolean;
}

/** The parts of queries that differ between DuckDB and Spark. All other SQL is valid in both. */
export interface LakeDialect {
  /** Returns SQL for a table of the rows of these files. */
  tableOf(files: readonly LakeFileEntry[]): string;
  /** Returns the SQL of {@link sessionRows}. */
  sessionRows(rows: string, identifies: string): string;
}

function duckDbDialect(snapshot: LakeSnapshot): LakeDialect {
  return {
    tableOf: (files) => parquetTable(snapshot.lakeFolder, files),
    sessionRows,
  };
}

export function stored(name: string, sql: string): SqlTable {
  return { name, sql, isStored: true };
}

export function view(name: string, sql: string): SqlTable {
  return { name, sql, isStored: false };
}

export const eventColumns =
  'eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value, logSource, logOffset';

/** Up to this many rows are stored, because reopening the files would dominate the time of a query. */
const storedRowsMax = 200_000;

/**
 * Returns the tables up to the view `events(eventId, type, owner, itemId, sessionId, occurredAt, receivedAt, value)` of a window; `readLake`
 * documents its rows. In a large lake the view reads users' rows from the files on each query. Only repeated and anonymous rows
 * are copied.
 *
 * Two tables before it are of use: `kept` has the rows that are not erased. `repeated(logSource, logOffset)` has those of them whose
 * `eventId` was received earlier.
 */
export function eventTables(
  snapshot: LakeSnapshot,
  window: LakeWindow,
  dialect = duckDbDialect(snapshot),
): readonly SqlTable[] {
  const files = filesOfWindow(snapshot, window);
  const table = dialect.tableOf(files);
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const isErasing = snapshot.pendingErasures.length > 0 && files.length > 0;
  return [
    {
      name: 'received',
      sql: `SELECT ${eventColumns} FROM ${table} ${where(windowConditions(window, files))}`,
      isStored: rows <= storedRowsMax,
    },
    ...(isErasing ? keptTables(snapshot, table) : [view('kept', 'SELECT * FROM received')]),
    ...distinctTables,
    ...(files.some(({ anonymous, identifies }) => anonymous + identifies > 0)
      ? ownedTables(snapshot, window, dialect)
      : [view('events', eventsOfUsers)]),
  ];
}

/** The tables up to `kept`. As in a compaction, every `identify` of the lake counts, not only the window's. */
function keptTables(snapshot: LakeSnapshot, table: string): SqlTable[] {
  return [
    ...erasureTables(snapshot, table).map(([name, sql]) => stored(name, sql)),
    stored('keptAnonymous', keptSessionRows('received')),
    view(
      'kept',
      `SELECT * FROM received WHERE userId IS NOT NULL AND ${notErased('received', 'userId')} ` +
        `UNION ALL SELECT * FROM keptAnonymous`,
    ),
  ];
}

/**
 * The tables up to `distinctRows`: the first received row of each `eventId`. Ids are compared only where their hashes are equal,
 * which avoids sorting all ids.
 */
const distinctTables = [
  stored('suspects', 'SELECT xxhash64(eventId) AS idHash FROM kept GROUP BY idHash HAVING count(*) > 1'),
  stored(
    'repeated',
    `SELECT logSource, logOffset FROM (SELECT logSource, logOffset, ${occurrenceOfEvent} AS occurrence FROM kept ` +
      `WHERE xxhash64(eventId) IN (SELECT idHash FROM suspects)) WHERE occurrence > 1`,
  ),
  {
    ...view(
      'distinctRows',
      `SELECT * FROM kept WHERE NOT EXISTS ` +
        `(SELECT 1 FROM repeated WHERE repeated.logSource = kept.logSource AND repeated.logOffset = kept.logOffset)`,
    ),
    ifEmpty: { table: 'repeated', sql: 'SELECT * FROM kept' },
  },
];

function ownedEvents(owner: 'userId' | 'owner', rows: string): string {
  return `SELECT eventId, type, ${owner} AS owner, itemId, sessionId, occurredAt, receivedAt, value FROM ${rows}`;
}

const eventsOfUsers = `${ownedEvents('userId', 'distinctRows')} WHERE userId IS NOT NULL`;

/** The tables up to `events` with anonymous rows. Such a row belongs to the user known at the end of the window. */
function ownedTables(
  snapshot: LakeSnapshot,
  { occurredBefore, receivedBefore, offsets }: LakeWindow,
  dialect: LakeDialect,
): SqlTable[] {
  const known = { occurredBefore, receivedBefore, offsets };
  const files = identifyingFiles(snapshot, known);
  const isKept = snapshot.pendingErasures.length > 0 ? [notErased('identify', 'userId')] : [];
  return [
    stored('identifies', identifyRows(dialect.tableOf(files), [...windowConditions(known, files), ...isKept])),
    stored('ofSessions', ownedEvents('owner', `(${dialect.sessionRows('distinctRows', 'identifies')})`)),
    view(
      'events',
      `SELECT * FROM (${eventsOfUsers} UNION ALL SELECT * FROM ofSessions) WHERE type <> ${sqlText(identifyType)}`,
    ),
  ];
}

/** Creates the tables in DuckDB. */
export async function createTables(connection: DuckDBConnection, tables: readonly SqlTable[]): Promise<void> {
  for (const { name, sql, ifEmpty, isStored } of tables) {
    const query = ifEmpty !== undefined && (await countRows(connection, ifEmpty.table)) === 0 ? ifEmpty.sql : sql;
    await connection.run(`CREATE TEMP ${isStored ? 'TABLE' : 'VIEW'} ${name} AS ${query}`);
  }
}
