import type { DuckDBConnection } from '@duckdb/node-api';
import { selectRows, sqlText } from './duckdb.ts';
import { identifyType } from '@facet/schemas';
import type { LakeWindow } from './lake-event.ts';
import { filesOfWindow, identifyingFiles } from './lake-snapshot.ts';
import type { LakeSnapshot } from './lake-snapshot.ts';
import {
  erasedOwners,
  identifyRows,
  notErased,
  parquetTable,
  receivedAgain,
  sessionRows,
  where,
  windowConditions,
} from './lake-sql.ts';

/** What {@link defineEvents} found on the way. */
export interface DefinedEvents {
  /** Rows that repeat the `eventId` of one received earlier. */
  readonly repeated: number;
  /** The newest times of all rows that count, repeated ones and `identify` among them; epoch milliseconds, 0 without a row. */
  readonly newest: { readonly occurredAt: number; readonly receivedAt: number };
}

/**
 * Makes the view `events(eventId, type, owner, itemId, occurredAt, receivedAt, value)` of a window, as `readLake` describes its
 * rows, on a database of the caller's. Of a large lake the rows of users are read from the files whenever the view is; only
 * what has to be known of all of them beforehand lies in tables: repeated rows, and those without a user. `undefined` when no
 * file can hold events of the window.
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

/** So few rows are read once: opening their files again and again would take longer than anything else. */
const tableRowsMax = 200_000;

const columns = 'eventId, type, userId, itemId, sessionId, occurredAt, receivedAt, value, logSource, logOffset';

function eventColumns(owner: 'userId' | 'owner'): string {
  return `eventId, type, ${owner} AS owner, itemId, occurredAt, receivedAt, value`;
}

/** `kept`: what is erased is decided by all that is known, as a compaction does, and gone before anything else is looked at. */
async function defineKept(connection: DuckDBConnection, snapshot: LakeSnapshot, table: string): Promise<void> {
  const { lakeFolder, pendingErasures } = snapshot;
  const run = async (sql: string): Promise<unknown> => connection.run(sql);
  await run(`CREATE TEMP TABLE everyIdentify AS ${identifyRows(lakeFolder, identifyingFiles(snapshot))}`);
  await run(`CREATE TEMP TABLE erased AS ${erasedOwners(pendingErasures, [table, 'everyIdentify'])}`);
  await run(
    `CREATE TEMP TABLE keptAnonymous AS SELECT ${columns} FROM (${sessionRows('received', 'everyIdentify')}) owned ` +
      `WHERE ${notErased('erased', 'owned')}`,
  );
  await run(
    `CREATE TEMP VIEW kept AS SELECT ${columns} FROM received ` +
      `WHERE userId IS NOT NULL AND ${notErased('erased', 'received', 'userId')} UNION ALL FROM keptAnonymous`,
  );
}

/**
 * `distinctRows`: of rows with one `eventId` the one received first. Ids are compared only where their hashes are equal, so
 * that all of them need not be sorted.
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

/** `identifies`: whose the sessions are, as far as it is known at the end of the window. */
async function defineIdentifies(
  connection: DuckDBConnection,
  snapshot: LakeSnapshot,
  { occurredBefore, receivedBefore, offsets }: LakeWindow,
): Promise<void> {
  const known = { occurredBefore, receivedBefore, offsets };
  const files = identifyingFiles(snapshot, known);
  const isKept = snapshot.pendingErasures.length > 0 ? [notErased('erased', 'identify', 'userId')] : [];
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

/** The number of rows of a table or view. */
export async function countRows(connection: DuckDBConnection, table: string): Promise<number> {
  const [row] = await selectRows<{ rows: number }>(connection, `SELECT count(*)::DOUBLE AS rows FROM ${table}`);
  return row?.rows ?? 0;
}
