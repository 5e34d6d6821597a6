import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBDataChunk } from '@duckdb/node-api';
import type { DuckDBAppender } from '@duckdb/node-api';
import { openDuckDb, sqlText } from '../duckdb.ts';
import type { DuckDb, DuckDbOptions } from '../duckdb.ts';
import type { LoggedEvent } from '../event-log/event-log.ts';
import { lakeSuperseded, lakeUnwritable } from './lake-errors.ts';
import { dayOf, listPlacedFiles, parsePartPath, partPath } from './lake-layout.ts';
import { openLakeLog } from './lake-log.ts';
import type { LakeLog, LakeLogOptions } from './lake-log.ts';
import type { Erasure, IntakeCount, LakeFileEntry } from './lake-record.ts';
import { bufferColumns, lakeOrder } from './part-columns.ts';
import { makeTemporaryFolder, placeFiles, removeAbandonedFolders } from './place-files.ts';
import type { WrittenFile } from './place-files.ts';

/** Files written by one COPY: each is open until it ends. */
const filesPerCopy = 400;
/** Rows of a DuckDB data chunk. */
const chunkRows = 2048;

/** Writes events of any number of sources to the lake, with their places in the logs: one transaction, or nothing. */
export interface LakeWriter {
  /** The first offset of a source that is not in the lake, as of opening, the last commit or the last discard. */
  committed(source: string): number;
  /**
   * Takes the next events of a source, in order of their offsets, which may have gaps, and goes on at `next`. Without events
   * it only goes on.
   */
  add(source: string, events: readonly LoggedEvent[], next: number): void;
  addIntake(counts: readonly IntakeCount[]): void;
  addErasure(erasure: Erasure): void;
  /** What was added and is not committed. */
  readonly pending: LakePending;
  /**
   * Makes all that is pending durable, and visible to readers as one. After a failure it is still pending: commit again once
   * the disk has room, more may be added before.
   *
   * @throws AppError `EVENTS_LAKE_SUPERSEDED` when another writer has committed one of the sources (`context.sources`; they
   * are to be discarded), `EVENTS_LAKE_UNWRITABLE`.
   */
  commit(): Promise<LakeCommit>;
  /** Forgets what is pending, of the given sources only or all of it, and looks anew where they stand in the lake. */
  discard(sources?: readonly string[]): Promise<void>;
  /** Forgets what is not committed. */
  close(): Promise<void>;
}

export interface LakePending {
  readonly events: number;
  /** Sources that go on with the next commit. */
  readonly sources: readonly string[];
}

export interface LakeCommit {
  /** The version of the lake that holds it. */
  readonly version: number;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** From where to where the sources went on. */
  readonly offsets: Readonly<Record<string, { readonly from: number; readonly to: number }>>;
}

export interface LakeWriterOptions extends DuckDbOptions, LakeLogOptions {}

/**
 * Opens the lake for writing. Several processes may do so at a time; of two that write the same source, the one that commits
 * second is refused. What killed writers left behind is removed.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNWRITABLE`
 */
export async function openLakeWriter(lakeFolder: string, options: LakeWriterOptions = {}): Promise<LakeWriter> {
  const strays = new Set(await listPlacedFiles(lakeFolder));
  const log = await openLakeLog(lakeFolder, options);
  await mkdir(lakeFolder, { recursive: true })
    .then(() => removeAbandonedFolders(lakeFolder))
    .catch((error: unknown) => {
      throw lakeUnwritable(lakeFolder, error);
    });
  for (const path of strays) if (log.state.files.has(path)) strays.delete(path);
  const database = await openDuckDb(options);
  try {
    // Together with filesPerCopy it keeps DuckDB from closing a file and starting a second one in its place.
    await database.connection.run(`SET partitioned_write_max_open_files = ${filesPerCopy * 2}`);
    const writer = new DuckDbLakeWriter({ lakeFolder, log, database, strays, appender: await makeBuffer(database) });
    await writer.removeStrays();
    return writer;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function makeBuffer(database: DuckDb): Promise<DuckDBAppender> {
  const columns = bufferColumns.map(({ name, type }) => `"${name}" ${type}`).join(', ');
  await database.connection.run(`CREATE OR REPLACE TABLE batch (${columns})`);
  return database.connection.createAppender('batch');
}

interface OpenedWriter {
  readonly lakeFolder: string;
  readonly log: LakeLog;
  readonly database: DuckDb;
  readonly appender: DuckDBAppender;
  /** Files in the lake that no record names. */
  readonly strays: Set<string>;
}

/** What the next commit does to a source. */
interface PendingSource {
  /** Stands for the source in the buffer. */
  readonly index: number;
  readonly from: number;
  next: number;
  events: number;
}

class DuckDbLakeWriter implements LakeWriter {
  readonly #lakeFolder: string;
  readonly #log: LakeLog;
  readonly #database: DuckDb;
  readonly #strays: Set<string>;
  #appender: DuckDBAppender;
  readonly #sources: string[] = [];
  readonly #pending = new Map<string, PendingSource>();
  #intake: IntakeCount[] = [];
  #erasures: Erasure[] = [];

  constructor({ lakeFolder, log, database, appender, strays }: OpenedWriter) {
    this.#lakeFolder = lakeFolder;
    this.#log = log;
    this.#database = database;
    this.#appender = appender;
    this.#strays = strays;
  }

  committed(source: string): number {
    return this.#log.state.offsets.get(source) ?? 0;
  }

  get pending(): LakePending {
    let events = 0;
    for (const source of this.#pending.values()) events += source.events;
    return { events, sources: [...this.#pending.keys()] };
  }

  add(source: string, events: readonly LoggedEvent[], next: number): void {
    const pending = this.#pending.get(source) ?? this.#startSource(source);
    let position = pending.next;
    for (const { offset } of events) {
      if (offset < position) throw new Error(`offset ${offset} of ${source} comes where ${position} was to come`);
      position = offset + 1;
    }
    if (next < position) throw new Error(`${source} cannot go on at ${next}, it stands at ${position}`);
    for (let start = 0; start < events.length; start += chunkRows) {
      this.#append(events.slice(start, start + chunkRows), pending.index);
    }
    pending.next = next;
    pending.events += events.length;
    if (pending.next > pending.from) this.#pending.set(source, pending);
  }

  addIntake(counts: readonly IntakeCount[]): void {
    for (const count of counts) this.#intake.push(count);
  }

  addErasure(erasure: Erasure): void {
    this.#erasures.push(erasure);
  }

  async commit(): Promise<LakeCommit> {
    const offsets = Object.fromEntries(
      [...this.#pending].map(([source, { from, next }]) => [source, { from, to: next }]),
    );
    const intake = this.#intake;
    const erasures = this.#erasures;
    const rows = this.pending.events;
    const hasNothing = this.#pending.size === 0 && intake.length === 0 && erasures.length === 0;
    if (hasNothing) return { version: this.#log.state.version, files: 0, rows: 0, bytes: 0, offsets };
    const add = await this.#placeBatch();
    await this.#log.commit({ add, offsets, intake, erasures }).catch(async (error: unknown) => {
      await this.removeStrays();
      throw error;
    });
    for (const { path } of add) this.#strays.delete(path);
    this.#pending.clear();
    this.#intake = [];
    this.#erasures = [];
    this.#appender.closeSync();
    this.#appender = await makeBuffer(this.#database);
    await this.removeStrays();
    const bytes = add.reduce((sum, file) => sum + file.bytes, 0);
    return { version: this.#log.state.version, files: add.length, rows, bytes, offsets };
  }

  async discard(sources?: readonly string[]): Promise<void> {
    if (sources === undefined) {
      this.#pending.clear();
      this.#intake = [];
      this.#erasures = [];
      this.#appender.closeSync();
      this.#appender = await makeBuffer(this.#database);
    } else {
      this.#appender.flushSync();
      for (const source of sources) {
        const pending = this.#pending.get(source);
        if (pending === undefined) continue;
        await this.#database.connection.run(`DELETE FROM batch WHERE logSource = ${pending.index}`);
        this.#pending.delete(source);
      }
    }
    await this.#log.refresh();
    await this.removeStrays();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /**
   * Removes files that no record can come to name: their source has gone on past where they begin. Others may be a live
   * writer's, between its rename and its record; they wait.
   */
  async removeStrays(): Promise<void> {
    const { files, removed } = this.#log.state;
    for (const path of this.#strays) {
      const part = parsePartPath(path);
      if (part === undefined || files.has(path) || removed.has(path)) this.#strays.delete(path);
      else if (part.from < this.committed(part.source)) {
        await rm(join(this.#lakeFolder, path), { force: true });
        this.#strays.delete(path);
      }
    }
  }

  #startSource(source: string): PendingSource {
    const known = this.#sources.indexOf(source);
    const index = known === -1 ? this.#sources.push(source) - 1 : known;
    const from = this.committed(source);
    return { index, from, next: from, events: 0 };
  }

  #append(rows: readonly LoggedEvent[], source: number): void {
    const chunk = DuckDBDataChunk.create(
      bufferColumns.map((column) => column.type),
      rows.length,
    );
    bufferColumns.forEach((column, index) => {
      const vector = chunk.getColumnVector(index);
      for (let row = 0; row < rows.length; row++) {
        vector.setItem(row, column.valueOf(rows[row] as LoggedEvent, source));
      }
      vector.flush();
    });
    this.#appender.appendDataChunk(chunk);
  }

  /** Writes the pending events as files of the lake that no record names yet. */
  async #placeBatch(): Promise<LakeFileEntry[]> {
    await this.#log.refresh();
    const lost = [...this.#pending].filter(([source, { from }]) => from !== this.committed(source));
    if (lost.length > 0) {
      throw lakeSuperseded(
        this.#lakeFolder,
        lost.map(([source]) => source),
      );
    }
    if (this.pending.events === 0) return [];
    try {
      this.#appender.flushSync();
      const parts = await this.#planParts();
      const temporary = await makeTemporaryFolder(this.#lakeFolder);
      try {
        const written: WrittenFile[] = [];
        for (const group of groupByDays(parts)) {
          const folder = join(temporary.path, String(written.length));
          await this.#database.connection.run(copyStatement(group, this.#sources, folder));
          for (const part of group) written.push({ path: part.path, written: await findWritten(folder, part) });
        }
        for (const { path } of parts) this.#strays.add(path);
        const bytes = await placeFiles(this.#lakeFolder, written);
        return parts.map(({ index: _, ...part }, at) => ({ ...part, bytes: bytes[at] as number }));
      } finally {
        await temporary.remove();
      }
    } catch (error) {
      throw lakeUnwritable(this.#lakeFolder, error);
    }
  }

  /** The files of the batch, by day and source. */
  async #planParts(): Promise<PlannedPart[]> {
    const result = await this.#database.connection.run(
      `SELECT ${daySql} AS dt, logSource, count(*)::DOUBLE, min(receivedAt), max(receivedAt), ` +
        `count(*) FILTER (userId IS NULL)::DOUBLE, count(*) FILTER (type = 'identify')::DOUBLE ` +
        `FROM batch GROUP BY ALL ORDER BY ALL`,
    );
    return (await result.getRows()).map(([dt, index, ...facts]) => {
      const [rows, receivedFrom, receivedTo, anonymous, identifies] = facts as [number, number, number, number, number];
      const source = this.#sources[index as number] as string;
      const { from, next: to } = this.#pending.get(source) as PendingSource;
      const path = partPath(String(dt), source, { from, to });
      return { path, index: index as number, rows, receivedFrom, receivedTo, anonymous, identifies, source, from, to };
    });
  }
}

interface PlannedPart extends Omit<LakeFileEntry, 'bytes'> {
  /** Stands for the source in the buffer. */
  readonly index: number;
}

/** Groups of whole days, for one COPY each; a day with more sources than files may be open is a group of its own. */
function groupByDays(parts: readonly PlannedPart[]): PlannedPart[][] {
  const groups: PlannedPart[][] = [];
  const days = [...new Set(parts.map(({ path }) => dayOf(path)))];
  for (const day of days) {
    const ofDay = parts.filter(({ path }) => dayOf(path) === day);
    const last = groups.at(-1);
    if (last !== undefined && last.length + ofDay.length <= filesPerCopy) last.push(...ofDay);
    else groups.push(ofDay);
  }
  return groups;
}

const daySql = `strftime(make_timestamp(batch.occurredAt::BIGINT * 1000), '%Y-%m-%d')`;

function copyStatement(parts: readonly PlannedPart[], sources: readonly string[], folder: string): string {
  const columns = bufferColumns.map(({ name, sql }) => (sql === undefined ? `"${name}"` : `${sql} AS "${name}"`));
  const [first, last] = [parts[0], parts.at(-1)] as [PlannedPart, PlannedPart];
  return (
    `COPY (SELECT ${columns.join(', ')}, ${daySql} AS dt, logSource AS part ` +
    `FROM batch CROSS JOIN (SELECT [${sources.map(sqlText).join(', ')}] AS sources) ` +
    `WHERE ${daySql} BETWEEN ${sqlText(dayOf(first.path))} AND ${sqlText(dayOf(last.path))} ` +
    `ORDER BY dt, part, ${lakeOrder.map((column) => `batch."${column}"`).join(', ')}) ` +
    `TO ${sqlText(folder)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (dt, part))`
  );
}

async function findWritten(folder: string, part: PlannedPart): Promise<string> {
  const ofPart = join(folder, `dt=${dayOf(part.path)}`, `part=${part.index}`);
  const [file, ...others] = await readdir(ofPart);
  if (file === undefined || others.length > 0) throw new Error(`${part.path} was not written as one file`);
  return join(ofPart, file);
}
