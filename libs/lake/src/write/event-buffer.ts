import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DOUBLE, SMALLINT, VARCHAR } from '@duckdb/node-api';
import type { DuckDBAppender, DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { LoggedEvent } from '@facet/event-log';
import { identifyType } from '@facet/schemas';
import { appendRows, sqlText } from '../duckdb.ts';
import type { DuckDb } from '../duckdb.ts';
import { lakeOrder } from '../layout.ts';
import type { lakeColumns } from '../layout.ts';
import type { LakeFileFacts } from '../transaction-log/state.ts';

interface BufferColumn {
  readonly name: keyof typeof lakeColumns;
  readonly type: DuckDBType;
  /** SQL of the Parquet column, where it differs from the buffer's column. */
  readonly sql?: string;
  readonly valueOf: (logged: LoggedEvent, source: number) => DuckDBValue;
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const utc = (column: string): string => `make_timestamp(${column}::BIGINT * 1000)::TIMESTAMPTZ`;

/** The columns of a writer's buffer. Whole numbers are DOUBLE, which represents them exactly and avoids a bigint per row. */
const bufferColumns: readonly BufferColumn[] = [
  { name: 'eventId', type: VARCHAR, valueOf: ({ event }) => event.eventId },
  { name: 'type', type: VARCHAR, valueOf: ({ event }) => event.type },
  { name: 'userId', type: VARCHAR, valueOf: ({ event }) => event.userId ?? null },
  { name: 'itemId', type: VARCHAR, valueOf: ({ event }) => event.itemId ?? null },
  { name: 'occurredAt', type: DOUBLE, sql: utc('occurredAt'), valueOf: ({ event }) => event.occurredAt },
  { name: 'receivedAt', type: DOUBLE, sql: utc('receivedAt'), valueOf: ({ event }) => event.receivedAt },
  { name: 'value', type: DOUBLE, valueOf: ({ event }) => event.value ?? null },
  { name: 'sessionId', type: VARCHAR, valueOf: ({ event }) => event.sessionId ?? null },
  { name: 'recommendationId', type: VARCHAR, valueOf: ({ event }) => event.recommendationId ?? null },
  { name: 'position', type: DOUBLE, sql: 'position::BIGINT', valueOf: ({ event }) => event.position ?? null },
  { name: 'context', type: VARCHAR, valueOf: ({ event }) => json(event.context) },
  { name: 'extra', type: VARCHAR, valueOf: ({ event }) => json(event.extra) },
  { name: 'logSource', type: SMALLINT, sql: 'sources[logSource + 1]', valueOf: (_, source) => source },
  { name: 'logOffset', type: DOUBLE, sql: 'logOffset::BIGINT', valueOf: ({ offset }) => offset },
];

/** Files written by one COPY statement, which keeps all of them open until it ends. */
const filesPerCopy = 400;

/** A file outside the lake with the events of one day and source. */
interface BufferedPart {
  /** `YYYY-MM-DD` */
  readonly day: string;
  readonly source: string;
  readonly facts: LakeFileFacts;
  /** Absolute path of the file. */
  readonly written: string;
}

/** Buffers events in DuckDB and writes them to Parquet files. */
export type EventBuffer = Awaited<ReturnType<typeof createEventBuffer>>;

/** Creates the buffer as the table `buffered` of a database. */
export async function createEventBuffer({ connection }: DuckDb) {
  /** The table stores the index of a source in this list. */
  const sources: string[] = [];
  // With fewer open files than this, DuckDB never splits the events of one day and source into two files.
  await connection.run(`SET partitioned_write_max_open_files = ${filesPerCopy * 2}`);
  let appender = await makeTable(connection);

  async function planParts(): Promise<PlannedPart[]> {
    const result = await connection.run(
      `SELECT ${daySql} AS dt, logSource, count(*)::DOUBLE, min(receivedAt), max(receivedAt), ` +
        `count(*) FILTER (userId IS NULL)::DOUBLE, count(*) FILTER (type = ${sqlText(identifyType)})::DOUBLE ` +
        `FROM buffered GROUP BY ALL ORDER BY ALL`,
    );
    return (await result.getRows()).map(([dt, place, ...facts]) => {
      const [rows, receivedFrom, receivedTo, anonymous, identifies] = facts as [number, number, number, number, number];
      const index = place as number;
      const source = sources[index] as string;
      return { day: String(dt), index, source, facts: { rows, receivedFrom, receivedTo, anonymous, identifies } };
    });
  }

  return {
    add(source: string, events: readonly LoggedEvent[]): void {
      const known = sources.indexOf(source);
      const index = known === -1 ? sources.push(source) - 1 : known;
      appendRows(appender, bufferColumns, events, ({ valueOf }, logged) => valueOf(logged, index));
    },
    /** Writes all events below the folder, one file per day and source. The events stay in the buffer. */
    async write(folder: string): Promise<readonly BufferedPart[]> {
      appender.flushSync();
      await mkdir(folder, { recursive: true });
      const groups = groupByDays(await planParts());
      for (const [number, group] of groups.entries()) {
        await connection.run(copyStatement(group, sources, join(folder, String(number))));
      }
      const parts: BufferedPart[] = [];
      for (const [number, group] of groups.entries()) {
        for (const { day, index, source, facts } of group) {
          const ofPart = join(folder, String(number), `dt=${day}`, `part=${index}`);
          const [file, ...others] = await readdir(ofPart);
          if (file === undefined || others.length > 0) throw new Error(`DuckDB wrote ${ofPart} as several files`);
          parts.push({ day, source, facts, written: join(ofPart, file) });
        }
      }
      return parts;
    },
    /** Deletes all events. */
    async clear(): Promise<void> {
      appender.closeSync();
      appender = await makeTable(connection);
    },
  };
}

async function makeTable(connection: DuckDBConnection): Promise<DuckDBAppender> {
  const columns = bufferColumns.map(({ name, type }) => `"${name}" ${String(type)}`).join(', ');
  await connection.run(`CREATE OR REPLACE TABLE buffered (${columns})`);
  return connection.createAppender('buffered');
}

interface PlannedPart extends Omit<BufferedPart, 'written'> {
  readonly index: number;
}

/** Groups whole days for one COPY statement each. A day with more than {@link filesPerCopy} sources forms its own group. */
function groupByDays(parts: readonly PlannedPart[]): PlannedPart[][] {
  const groups: PlannedPart[][] = [];
  let start = 0;
  while (start < parts.length) {
    let end = start;
    while (end < parts.length && parts[end]?.day === parts[start]?.day) end++;
    const ofDay = parts.slice(start, end);
    const last = groups.at(-1);
    if (last !== undefined && last.length + ofDay.length <= filesPerCopy) last.push(...ofDay);
    else groups.push(ofDay);
    start = end;
  }
  return groups;
}

const daySql = `strftime(make_timestamp(buffered.occurredAt::BIGINT * 1000), '%Y-%m-%d')`;

function copyStatement(parts: readonly PlannedPart[], sources: readonly string[], folder: string): string {
  const columns = bufferColumns.map(({ name, sql }) => (sql === undefined ? `"${name}"` : `${sql} AS "${name}"`));
  const [first, last] = [parts[0], parts.at(-1)] as [PlannedPart, PlannedPart];
  return (
    `COPY (SELECT ${columns.join(', ')}, ${daySql} AS dt, logSource AS part ` +
    `FROM buffered CROSS JOIN (SELECT [${sources.map(sqlText).join(', ')}] AS sources) ` +
    `WHERE ${daySql} BETWEEN ${sqlText(first.day)} AND ${sqlText(last.day)} ` +
    `ORDER BY dt, part, ${lakeOrder.map((column) => `buffered."${column}"`).join(', ')}) ` +
    `TO ${sqlText(folder)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (dt, part))`
  );
}
