import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BIGINT, DOUBLE, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api';
import type { DuckDBAppender, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { AppError } from '@facet/platform';
import { syncFolder, writeFileAtomically } from '../atomic-file.ts';
import { openDuckDb, sqlText } from '../duckdb.ts';
import type { DuckDb, DuckDbOptions } from '../duckdb.ts';
import type { LoggedEvent } from '../event-log/event-log.ts';
import {
  listParts,
  offsetsFolder,
  partName,
  readCommittedOffsets,
  sourceName,
  temporaryFolder,
} from './lake-layout.ts';
import type { LakeSource } from './lake-layout.ts';

/** Days written by one COPY: each is an open file until it ends. */
const daysPerCopy = 400;
/** Rows of a DuckDB data chunk. */
const chunkRows = 2048;
/** Files made durable at a time. */
const syncConcurrency = 16;

interface BufferColumn {
  readonly name: string;
  readonly type: DuckDBType;
  /** The column of the Parquet file, if it is not the buffer's as it stands. */
  readonly sql?: string;
  readonly valueOf: (logged: LoggedEvent) => DuckDBValue;
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const utc = (column: string): string => `make_timestamp("${column}" * 1000)::TIMESTAMPTZ`;

/** Columns of a part. `logOffset` orders events that were received in the same millisecond. */
const bufferColumns: readonly BufferColumn[] = [
  { name: 'eventId', type: VARCHAR, valueOf: ({ event }) => event.eventId },
  { name: 'type', type: VARCHAR, valueOf: ({ event }) => event.type },
  { name: 'userId', type: VARCHAR, valueOf: ({ event }) => event.userId ?? null },
  { name: 'itemId', type: VARCHAR, valueOf: ({ event }) => event.itemId ?? null },
  { name: 'occurredAt', type: BIGINT, sql: utc('occurredAt'), valueOf: ({ event }) => BigInt(event.occurredAt) },
  { name: 'receivedAt', type: BIGINT, sql: utc('receivedAt'), valueOf: ({ event }) => BigInt(event.receivedAt) },
  { name: 'value', type: DOUBLE, valueOf: ({ event }) => event.value ?? null },
  { name: 'sessionId', type: VARCHAR, valueOf: ({ event }) => event.sessionId ?? null },
  { name: 'recommendationId', type: VARCHAR, valueOf: ({ event }) => event.recommendationId ?? null },
  {
    name: 'position',
    type: BIGINT,
    valueOf: ({ event }) => (event.position === undefined ? null : BigInt(event.position)),
  },
  { name: 'context', type: VARCHAR, valueOf: ({ event }) => json(event.context) },
  { name: 'extra', type: VARCHAR, valueOf: ({ event }) => json(event.extra) },
  { name: 'logOffset', type: BIGINT, valueOf: ({ offset }) => BigInt(offset) },
];

/** Writes the events of one log partition to the lake; one writer a partition at a time. */
export interface LakeWriter {
  /** The first offset that is not in the lake. */
  readonly committed: number;
  /** Events added and not yet committed. */
  readonly pending: number;
  /** Takes the next events, in order and without gaps. */
  add(events: readonly LoggedEvent[]): void;
  /** Makes all added events a batch of the lake: durable, and visible to readers as one. */
  commit(): Promise<void>;
  /** Forgets what is not committed. */
  close(): Promise<void>;
}

/**
 * Opens the lake for the events of `source`. What a killed writer left of a batch is removed; the batch is to be written
 * again from {@link LakeWriter.committed}.
 */
export async function openLakeWriter(
  lakeFolder: string,
  source: LakeSource,
  options: DuckDbOptions = {},
): Promise<LakeWriter> {
  await mkdir(join(lakeFolder, offsetsFolder), { recursive: true });
  const committed = (await readCommittedOffsets(lakeFolder)).get(sourceName(source)) ?? 0;
  const temporary = join(lakeFolder, temporaryFolder, sourceName(source));
  await rm(temporary, { recursive: true, force: true });
  for (const part of await listParts(lakeFolder)) {
    if (sourceName(part) === sourceName(source) && part.to > committed) await rm(join(lakeFolder, part.path));
  }
  const database = await openDuckDb(options);
  try {
    await prepare(database);
    const appender = await database.connection.createAppender('batch');
    return new DuckDbLakeWriter({ lakeFolder, source, temporary, committed, database, appender });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function prepare(database: DuckDb): Promise<void> {
  const columns = bufferColumns.map((column) => `"${column.name}" ${column.type}`).join(', ');
  await database.connection.run(`CREATE TABLE batch (${columns})`);
  // Together they keep DuckDB from closing a day's file and starting a second one for the same day.
  await database.connection.run(`SET partitioned_write_max_open_files = ${daysPerCopy * 2}`);
}

interface OpenedWriter {
  readonly lakeFolder: string;
  readonly source: LakeSource;
  readonly temporary: string;
  readonly committed: number;
  readonly database: DuckDb;
  readonly appender: DuckDBAppender;
}

class DuckDbLakeWriter implements LakeWriter {
  readonly #opened: OpenedWriter;
  #appender: DuckDBAppender;
  #committed: number;
  #next: number;

  constructor(opened: OpenedWriter) {
    this.#opened = opened;
    this.#appender = opened.appender;
    this.#committed = opened.committed;
    this.#next = opened.committed;
  }

  get committed(): number {
    return this.#committed;
  }

  get pending(): number {
    return this.#next - this.#committed;
  }

  add(events: readonly LoggedEvent[]): void {
    for (let start = 0; start < events.length; start += chunkRows) {
      const rows = events.slice(start, start + chunkRows);
      rows.forEach(({ offset }, index) => {
        if (offset !== this.#next + index) throw new Error(`offset ${offset} follows ${this.#next + index - 1}`);
      });
      const chunk = DuckDBDataChunk.create(
        bufferColumns.map((column) => column.type),
        rows.length,
      );
      bufferColumns.forEach((column, index) => {
        const vector = chunk.getColumnVector(index);
        for (let row = 0; row < rows.length; row++) vector.setItem(row, column.valueOf(rows[row] as LoggedEvent));
        vector.flush();
      });
      this.#appender.appendDataChunk(chunk);
      this.#next += rows.length;
    }
  }

  async commit(): Promise<void> {
    if (this.pending === 0) return;
    const { lakeFolder, source, temporary, database } = this.#opened;
    this.#appender.closeSync();
    try {
      await mkdir(temporary, { recursive: true });
      for (const group of await this.#dayGroups()) await database.connection.run(copyStatement(group, temporary));
      await this.#publish(await readdir(temporary));
      await writeFileAtomically(join(lakeFolder, offsetsFolder, `${sourceName(source)}.json`), [
        `${JSON.stringify({ committed: this.#next })}\n`,
      ]);
      await rm(temporary, { recursive: true, force: true });
    } catch (error) {
      throw unwritableLake(lakeFolder, error);
    }
    this.#committed = this.#next;
    await database.connection.run('TRUNCATE batch');
    this.#appender = await database.connection.createAppender('batch');
  }

  async close(): Promise<void> {
    await this.#opened.database.close();
    await rm(this.#opened.temporary, { recursive: true, force: true });
  }

  /** The days of the batch, in groups for one COPY each. */
  async #dayGroups(): Promise<string[][]> {
    const result = await this.#opened.database.connection.run(
      `SELECT DISTINCT ${daySql} AS day FROM batch ORDER BY day`,
    );
    const days = (await result.getRows()).map(([day]) => String(day));
    const groups: string[][] = [];
    for (let start = 0; start < days.length; start += daysPerCopy) groups.push(days.slice(start, start + daysPerCopy));
    return groups;
  }

  /** Renames the files of the temporary folder into place, each made durable first. */
  async #publish(dayFolders: readonly string[]): Promise<void> {
    const { lakeFolder, source, temporary } = this.#opened;
    const name = partName(source, { from: this.#committed, to: this.#next });
    const publishDay = async (dayFolder: string): Promise<void> => {
      const [file, ...others] = await readdir(join(temporary, dayFolder));
      if (file === undefined || others.length > 0) throw new Error(`${dayFolder} was not written as one file`);
      const written = join(temporary, dayFolder, file);
      const handle = await open(written, 'r+');
      await handle.datasync().finally(() => handle.close());
      await mkdir(join(lakeFolder, dayFolder), { recursive: true });
      await rename(written, join(lakeFolder, dayFolder, name));
      await syncFolder(join(lakeFolder, dayFolder));
    };
    const queue = [...dayFolders];
    const work = async (): Promise<void> => {
      for (let day = queue.pop(); day !== undefined; day = queue.pop()) await publishDay(day);
    };
    await Promise.all(Array.from({ length: syncConcurrency }, work));
    await syncFolder(lakeFolder);
  }
}

function unwritableLake(lakeFolder: string, error: unknown): AppError {
  return new AppError(`The event lake ${lakeFolder} cannot be written: ${(error as Error).message}.`, {
    code: 'EVENTS_LAKE_UNWRITABLE',
    remedy: 'Check the disk: space, permissions, health. The events are safe in the log and are written next time.',
    context: { lakeFolder },
    retryable: true,
    cause: error,
  });
}

const daySql = `strftime(make_timestamp("occurredAt" * 1000), '%Y-%m-%d')`;

function copyStatement(days: readonly string[], folder: string): string {
  const columns = bufferColumns.map((column) =>
    column.sql === undefined ? `"${column.name}"` : `${column.sql} AS "${column.name}"`,
  );
  const [first, last] = [days[0] as string, days.at(-1) as string];
  return (
    `COPY (SELECT ${columns.join(', ')}, ${daySql} AS dt FROM batch ` +
    `WHERE ${daySql} BETWEEN ${sqlText(first)} AND ${sqlText(last)} ORDER BY dt, batch."userId", batch."occurredAt", batch."eventId") ` +
    `TO ${sqlText(folder)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (dt), OVERWRITE_OR_IGNORE)`
  );
}
