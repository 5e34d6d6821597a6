import type { DuckDBConnection } from '@duckdb/node-api';
import { identifyType } from '@facet/schemas';
import { selectRows, sqlText } from '../duckdb.ts';
import {
  erasureTables,
  identifyRows,
  keptSessionRows,
  notErased,
  parquetTable,
  receivedAgain,
  sessionRows,
  where,
  windowConditions,
} from './sql.ts';
import { filesOfWindow, identifyingFiles } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';

/** What {@link defineEvents} measured. */
export interface DefinedEvents {
  /** Rows that repeat an `eventId` received earlier. */
  readonly repeated: number;
  /** The newest times of all rows, including repeats and `identify`. Epoch milliseconds, 0 without rows. */
  readonly newest: { readonly occurredAt: number; readonly receivedAt: number };
}

/**
 * Creates the view `events(eventId, type, owner, itemId, occurredAt, receivedAt, value)` of a window; `readLake` documents its
 * rows. In a large lake the view reads users' rows from the files on each query. Only repeated and anonymous rows are copied
 * into tables. Returns `undefined` when no file can contain events of the window.
 */
export async function defineEvents(
  connection: DuckDBConnection,
  snapshot: LakeSnapshot,
  window: LakeWindow,
): Promise<DefinedEvents | undefined> {
  const files = filesOfWindow(snapshot, window);
  if (files.length === 0) return undefined;
  const table = parquetTable(snapshot.lakeFolder, files);
  const conditions = where(windowConditions(window, files));
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const shape = rows <= tableRowsMax ? 'TABLE' : 'VIEW';
  await connection.run(`CREATE TEMP ${shape} received AS SELECT ${columns} FROM ${table} ${conditions}`);
  if (snapshot.pendingErasures.length > 0) await defineKept(connection, snapshot, table);
  else await connection.run('CREATE TEMP VIEW kept AS FROM received');
  const repeated = await defineDistinct(connection);

  const hasSessions = files.some(({ anonymous, identifies }) => anonymous + identifies > 0);
  const known = `SELECT ${eventColumns('userId')} FROM distinctRows WHERE userId IS NOT NULL`;
  if (!hasSessions) await connection.run(`CREATE TEMP VIEW events AS ${known}`);
  else {
    await defineIdentifies(connection, snapshot, window);
    await connection.run(
      `CREATE TEMP TABLE ofSessions AS SELECT ${eventColumns('owner')} FROM (${sessionRows('distinctRows', 'identifies')})`,
    );
    const all = `${known} UNION ALL FROM ofSessions`;
    await connection.run(`CREATE TEMP VIEW events AS FROM (${all}) WHERE type <> ${sqlText(identifyType)}`);
  }
  return { repeated, newest: await findNewest(connection) };
}

/** Up to this many rows are copied into a table, because reopening the files would dominate the time of a query. */
const tableRowsMax = 200_000;

const columns = 'eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value, logSource, logOffset';

function eventColumns(owner: 'userId' | 'owner'): string {
  return `eventId, type, ${owner} AS owner, itemId, occurredAt, receivedAt, value`;
}

/** Creates `kept`: the rows that are not erased. As in a compaction, every `identify` of the lake counts, not only the window's. */
async function defineKept(connection: DuckDBConnection, snapshot: LakeSnapshot, table: string): Promise<void> {
  const tables = [...erasureTables(snapshot, table), ['keptAnonymous', keptSessionRows('received')]];
  for (const [name, sql] of tables) await connection.run(`CREATE TEMP TABLE ${name} AS ${sql}`);
  await connection.run(
    `CREATE TEMP VIEW kept AS SELECT * FROM received ` +
      `WHERE userId IS NOT NULL AND ${notErased('received', 'userId')} UNION ALL FROM keptAnonymous`,
  );
}

/**
 * Creates `distinctRows`: the first received row of each `eventId`. Returns the number of repeats. Ids are compared only where
 * their hashes are equal, which avoids sorting all ids.
 */
async function defineDistinct(connection: DuckDBConnection): Promise<number> {
  await connection.run(
    `CREATE TEMP TABLE suspects AS SELECT hash(eventId) AS idHash FROM kept GROUP BY idHash HAVING count(*) > 1`,
  );
  await connection.run(
    `CREATE TEMP TABLE repeated AS SELECT logSource, logOffset FROM ` +
      `(SELECT eventId, receivedAt, logSource, logOffset FROM kept WHERE hash(eventId) IN (FROM suspects)) ${receivedAgain}`,
  );
  await connection.run('DROP TABLE suspects');
  const repeated = await countRows(connection, 'repeated');
  await connection.run(
    repeated === 0
      ? 'CREATE TEMP VIEW distinctRows AS FROM kept'
      : `CREATE TEMP VIEW distinctRows AS FROM kept WHERE NOT EXISTS ` +
          `(FROM repeated WHERE repeated.logSource = kept.logSource AND repeated.logOffset = kept.logOffset)`,
  );
  return repeated;
}

/** Creates `identifies`: the users of sessions, as known at the end of the window. */
async function defineIdentifies(
  connection: DuckDBConnection,
  snapshot: LakeSnapshot,
  { occurredBefore, receivedBefore, offsets }: LakeWindow,
): Promise<void> {
  const known = { occurredBefore, receivedBefore, offsets };
  const files = identifyingFiles(snapshot, known);
  const isKept = snapshot.pendingErasures.length > 0 ? [notErased('identify', 'userId')] : [];
  const conditions = [...windowConditions(known, files), ...isKept];
  await connection.run(`CREATE TEMP TABLE identifies AS ${identifyRows(snapshot.lakeFolder, files, conditions)}`);
}

async function findNewest(connection: DuckDBConnection): Promise<DefinedEvents['newest']> {
  const [row] = await selectRows<DefinedEvents['newest']>(
    connection,
    `SELECT coalesce(epoch_ms(max(occurredAt)), 0)::DOUBLE AS occurredAt, ` +
      `coalesce(epoch_ms(max(receivedAt)), 0)::DOUBLE AS receivedAt FROM kept`,
  );
  return row!;
}

/** Counts the rows of a table or view. */
export async function countRows(connection: DuckDBConnection, table: string): Promise<number> {
  const [row] = await selectRows<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${table}`);
  return row?.rows ?? 0;
}
