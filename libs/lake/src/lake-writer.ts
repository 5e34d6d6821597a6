import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openDuckDb } from './duckdb.ts';
import type { DuckDb, DuckDbOptions } from './duckdb.ts';
import type { LoggedEvent } from '@facet/event-log';
import { createEventBuffer } from './event-buffer.ts';
import type { EventBuffer } from './event-buffer.ts';
import { lakeSuperseded, lakeUnwritable } from './lake-errors.ts';
import { listPlacedFiles, parsePartPath, partPath } from './lake-layout.ts';
import { openLakeLog } from './lake-log.ts';
import type { LakeLog, LakeLogOptions } from './lake-log.ts';
import type { IntakeCount } from '@facet/schemas';
import type { Erasure, LakeFileEntry, OffsetRanges } from './lake-record.ts';
import { makeTemporaryFolder, placeFiles, removeAbandonedFolders } from './place-files.ts';

/** Writes events of any number of sources to the lake, with their places in the logs: one transaction, or nothing. */
export interface LakeWriter {
  /** The first offset of a source that is not in the lake, as of opening, the last commit or the last discard. */
  committed(source: string): number;
  /**
   * Takes the next events of a source, in order of their offsets, which may have gaps, and goes on at `next`. Without events
   * it only goes on. Not while a commit is under way.
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
  readonly offsets: OffsetRanges;
}

export interface LakeWriterOptions extends DuckDbOptions, LakeLogOptions {}

/**
 * Opens the lake for writing. Several processes may do so at a time; of two that write the same source, the one that commits
 * second is refused. What killed writers left behind is removed.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNWRITABLE`
 */
export async function openLakeWriter(lakeFolder: string, options: LakeWriterOptions = {}): Promise<LakeWriter> {
  const placed = await listPlacedFiles(lakeFolder);
  const log = await openLakeLog(lakeFolder, options);
  const strays = new Set(placed.filter((path) => !log.state.files.has(path)));
  await mkdir(lakeFolder, { recursive: true })
    .then(() => removeAbandonedFolders(lakeFolder))
    .catch((error: unknown) => {
      throw lakeUnwritable(lakeFolder, error);
    });
  const database = await openDuckDb(options);
  try {
    const buffer = await createEventBuffer(database);
    const writer = new BufferedLakeWriter({ lakeFolder, log, database, buffer, strays });
    await writer.removeStrays();
    return writer;
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface OpenedWriter {
  readonly lakeFolder: string;
  readonly log: LakeLog;
  readonly database: DuckDb;
  readonly buffer: EventBuffer;
  /** Files in the lake that no record names. */
  readonly strays: Set<string>;
}

/** What the next commit does to a source. */
interface PendingSource {
  readonly from: number;
  readonly to: number;
  readonly events: number;
}

class BufferedLakeWriter implements LakeWriter {
  readonly #lakeFolder: string;
  readonly #log: LakeLog;
  readonly #database: DuckDb;
  readonly #buffer: EventBuffer;
  readonly #strays: Set<string>;
  readonly #pending = new Map<string, PendingSource>();
  #intake: IntakeCount[] = [];
  #erasures: Erasure[] = [];
  #isCommitting = false;

  constructor({ lakeFolder, log, database, buffer, strays }: OpenedWriter) {
    this.#lakeFolder = lakeFolder;
    this.#log = log;
    this.#database = database;
    this.#buffer = buffer;
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
    if (this.#isCommitting) throw new Error('a commit is under way');
    const from = this.committed(source);
    const pending = this.#pending.get(source) ?? { from, to: from, events: 0 };
    let position = pending.to;
    for (const { offset } of events) {
      if (offset < position) throw new Error(`offset ${offset} of ${source} comes where ${position} was to come`);
      position = offset + 1;
    }
    if (next < position) throw new Error(`${source} cannot go on at ${next}, it stands at ${position}`);
    if (next === pending.to) return;
    this.#buffer.add(source, events);
    this.#pending.set(source, { ...pending, to: next, events: pending.events + events.length });
  }

  addIntake(counts: readonly IntakeCount[]): void {
    for (const count of counts) this.#intake.push(count);
  }

  addErasure(erasure: Erasure): void {
    this.#erasures.push(erasure);
  }

  async commit(): Promise<LakeCommit> {
    const intake = this.#intake;
    const erasures = this.#erasures;
    const offsets = Object.fromEntries([...this.#pending].map(([source, { from, to }]) => [source, { from, to }]));
    const hasNothing = this.#pending.size === 0 && intake.length === 0 && erasures.length === 0;
    if (hasNothing) return { version: this.#log.state.version, files: 0, rows: 0, bytes: 0, offsets };
    this.#isCommitting = true;
    try {
      await this.#refuseSuperseded();
      const add = await this.#placeBatch();
      await this.#log.commit({ add, offsets, intake, erasures });
      const rows = this.pending.events;
      await this.#forget();
      const bytes = add.reduce((sum, file) => sum + file.bytes, 0);
      return { version: this.#log.state.version, files: add.length, rows, bytes, offsets };
    } finally {
      this.#isCommitting = false;
      await this.removeStrays();
    }
  }

  async discard(sources?: readonly string[]): Promise<void> {
    if (sources === undefined) await this.#forget();
    for (const source of sources ?? []) {
      if (this.#pending.delete(source)) await this.#buffer.clear(source);
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
      const isKept = part === undefined || files.has(path) || removed.has(path);
      if (!isKept && part.from >= this.committed(part.source)) continue;
      // What cannot be removed now is found again when the lake is opened next.
      if (!isKept) await rm(join(this.#lakeFolder, path), { force: true }).catch(() => undefined);
      this.#strays.delete(path);
    }
  }

  async #forget(): Promise<void> {
    this.#pending.clear();
    this.#intake = [];
    this.#erasures = [];
    await this.#buffer.clear();
  }

  async #refuseSuperseded(): Promise<void> {
    await this.#log.refresh();
    const lost = [...this.#pending].filter(([source, { from }]) => from !== this.committed(source));
    if (lost.length === 0) return;
    throw lakeSuperseded(
      this.#lakeFolder,
      lost.map(([source]) => source),
    );
  }

  /** Writes the pending events as files of the lake that no record names yet. */
  async #placeBatch(): Promise<LakeFileEntry[]> {
    if (this.pending.events === 0) return [];
    try {
      const temporary = await makeTemporaryFolder(this.#lakeFolder);
      try {
        const parts = await this.#buffer.write(temporary.path);
        const files = parts.map(({ day, source, facts }) => {
          const { from, to } = this.#pending.get(source) as PendingSource;
          return { path: partPath(day, source, { from, to }), ...facts, sources: { [source]: { from, to } } };
        });
        for (const { path } of files) this.#strays.add(path);
        const bytes = await placeFiles(
          this.#lakeFolder,
          parts.map(({ written }, index) => ({ written, path: files[index]!.path })),
        );
        return files.map((file, index) => ({ ...file, bytes: bytes[index]! }));
      } finally {
        await temporary.remove();
      }
    } catch (error) {
      throw lakeUnwritable(this.#lakeFolder, error);
    }
  }
}
