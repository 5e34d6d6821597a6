import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import { openLakeLog } from '@facet/lake';
import type { LakeFileEntry, LakeFileFacts } from '@facet/lake';
import { dayMs } from '@facet/platform';

export const firstDay = Date.UTC(2026, 0, 1);
export const days = 90;
const source = 'facet.events.v1-0';

/** Size of the generated lake. */
export interface LakeSize {
  readonly events: number;
  readonly users: number;
  readonly items: number;
}

export function sizeOf(events: number): LakeSize {
  return { events, users: Math.ceil(events / 50), items: Math.ceil(events / 100) };
}

/**
 * Writes a lake of generated events over 90 days, with Parquet files and a transaction log. Users and items have skewed activity,
 * and four in five events are positive. One in 1,000 events is a duplicate, one in 200 arrives up to two days late, and one in 30
 * belongs to an anonymous session, half of which are identified later. Three users are bots.
 */
export async function generateLake(
  lakeFolder: string,
  size: LakeSize,
  onDay: (done: number) => void,
): Promise<{ readonly bytes: number }> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GB', threads: '2' });
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const add: LakeFileEntry[] = [];
  let bytes = 0;
  try {
    for (let day = 0; day < days; day++) {
      const from = Math.floor((day * size.events) / days);
      const to = Math.floor(((day + 1) * size.events) / days);
      const name = `dt=${new Date(firstDay + day * dayMs).toISOString().slice(0, 10)}`;
      const path = `${name}/part-${source}-${from}-${to}.parquet`;
      await mkdir(join(lakeFolder, name), { recursive: true });
      const target = join(lakeFolder, path);
      await connection.run(
        `COPY (FROM (${daySql(day, from, to, size)}) ORDER BY userId, occurredAt, eventId, logSource, logOffset) ` +
          `TO '${target}' (FORMAT parquet, COMPRESSION zstd)`,
      );
      const file = { path, bytes: (await stat(target)).size, ...(await factsOf(connection, target)) };
      bytes += file.bytes;
      add.push({ ...file, sources: { [source]: { from, to } } });
      onDay(day + 1);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  const log = await openLakeLog(lakeFolder);
  await log.commit(() => ({ add, offsets: { [source]: { from: 0, to: size.events } } }));
  return { bytes };
}

/** Returns the SQL of the rows of a day. Row n depends only on n. */
function daySql(day: number, from: number, to: number, { users, items }: LakeSize): string {
  const random = (salt: number): string => `(hash(n * 16 + ${salt})::DOUBLE / 18446744073709551616)`;
  const id = (prefix: string, number: string): string => `printf('${prefix}%08d', floor(${number})::BIGINT)`;
  const time = (ms: string): string => `make_timestamp(floor(${ms})::BIGINT * 1000)::TIMESTAMPTZ`;
  const occurredMs = `(${firstDay + day * dayMs} + floor(${random(1)} * ${dayMs}))`;
  const delayMs = `CASE WHEN n % 200 = 3 THEN ${random(4)} * ${2 * dayMs} ELSE 200 END`;
  return `SELECT md5((CASE WHEN n % 1000 = 999 THEN n - 500 ELSE n END)::VARCHAR) AS eventId,
      CASE WHEN isIdentify THEN 'identify' WHEN kind < 0.2 THEN 'view' WHEN kind < 0.9 THEN 'click'
        WHEN kind < 0.96 THEN 'add_to_cart' ELSE 'purchase' END AS type,
      CASE WHEN isOfSession AND NOT isIdentify THEN NULL WHEN n % 40 = 7 THEN ${id('program-', 'n % 3')}
        ELSE ${id('user-', `${users} * pow(${random(2)}, 1.3)`)} END AS userId,
      CASE WHEN NOT isIdentify THEN ${id('item-', `${items} * pow(${random(3)}, 2.2)`)} END AS itemId,
      ${time(occurredMs)} AS occurredAt, ${time(`${occurredMs} + ${delayMs}`)} AS receivedAt, NULL::DOUBLE AS value,
      CASE WHEN isOfSession THEN ${id('session-', 'n / 600')} END AS sessionId,
      NULL::VARCHAR AS recommendationId, NULL::BIGINT AS position, NULL::VARCHAR AS context, NULL::VARCHAR AS extra,
      '${source}' AS logSource, n AS logOffset
    FROM (SELECT n, ${random(5)} AS kind, n % 30 = 11 AS isOfSession, n % 1200 = 581 AS isIdentify
      FROM range(${from}, ${to}) t(n))`;
}

async function factsOf(connection: DuckDBConnection, path: string): Promise<LakeFileFacts> {
  const result = await connection.runAndReadAll(
    `SELECT count(*)::DOUBLE, epoch_ms(min(receivedAt))::DOUBLE, epoch_ms(max(receivedAt))::DOUBLE, ` +
      `count(*) FILTER (userId IS NULL)::DOUBLE, count(*) FILTER (type = 'identify')::DOUBLE FROM read_parquet('${path}')`,
  );
  const [row] = result.getRowsJS();
  const [rows, receivedFrom, receivedTo, anonymous, identifies] = row as [number, number, number, number, number];
  return { rows, receivedFrom, receivedTo, anonymous, identifies };
}
