import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileAtomically, syncPath, writeFileAtomically } from '@facet/platform';
import { lakeBusy, lakeDamaged, lakeSuperseded, lakeUnwritable } from './lake-errors.ts';
import { graceMsDefault, logFolder, readNames } from './lake-layout.ts';
import type { LakeChange, LakeRecord } from './lake-record.ts';
import { applyRecord, emptyLakeState, parseLakeState, serializeLakeState } from './lake-state.ts';
import type { LakeState } from './lake-state.ts';

/**
 * The lake's transaction log: `_log/<version>.json`, one file a transaction, and now and then a checkpoint that holds the
 * state up to a version. A record is linked into place under its number, which the file system grants to one writer only;
 * who comes second reads what the first has done, and goes on behind it if the two do not conflict. So the log is a
 * history that everybody agrees on, on any file system with atomic links.
 */
export interface LakeLog {
  /** As of the last refresh or commit; changes in place. */
  readonly state: LakeState;
  /** Applies what others have committed. @throws AppError `EVENTS_LAKE_DAMAGED` */
  refresh(): Promise<void>;
  /**
   * Makes a transaction durable and visible.
   *
   * @throws AppError `EVENTS_LAKE_SUPERSEDED` when a source does not stand where the change goes on, `EVENTS_LAKE_BUSY` when
   * the right to rewrite files is not with `holder`, `EVENTS_LAKE_UNWRITABLE`.
   */
  commit(change: LakeChange, options?: LakeCommitOptions): Promise<void>;
}

export interface LakeCommitOptions {
  /** The token of the claim that the change relies on; `null` when it relies on there being none. */
  readonly holder?: string | null;
}

export interface LakeLogOptions {
  /** The clock in epoch milliseconds; the system's by default. */
  readonly now?: (() => number) | undefined;
}

/** Opens the log of a lake, which is empty when there is none. @throws AppError `EVENTS_LAKE_DAMAGED` */
export async function openLakeLog(lakeFolder: string, options: LakeLogOptions = {}): Promise<LakeLog> {
  const log = new FolderLakeLog(lakeFolder, options.now ?? Date.now);
  await log.refresh();
  return log;
}

/** The lake as of now. @throws AppError `EVENTS_LAKE_DAMAGED` */
export async function readLakeState(lakeFolder: string): Promise<LakeState> {
  return (await openLakeLog(lakeFolder)).state;
}

/** Readers read one checkpoint and fewer records than this, besides those of commits that are under way. */
const recordsPerCheckpoint = 32;
/** A reader that lists while old records are pruned lists again. */
const readAttemptsMax = 5;

const recordPattern = /^(\d{20})\.json$/;
const checkpointPattern = /^(\d{20})\.checkpoint\.json$/;

class FolderLakeLog implements LakeLog {
  readonly #lakeFolder: string;
  readonly #folder: string;
  readonly #now: () => number;
  #state = emptyLakeState();

  constructor(lakeFolder: string, now: () => number) {
    this.#lakeFolder = lakeFolder;
    this.#folder = join(lakeFolder, logFolder);
    this.#now = now;
  }

  get state(): LakeState {
    return this.#state;
  }

  async refresh(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#readNew();
        return;
      } catch (error) {
        if (attempt === readAttemptsMax) throw lakeDamaged(this.#lakeFolder, error);
      }
    }
  }

  async commit(change: LakeChange, options: LakeCommitOptions = {}): Promise<void> {
    for (;;) {
      await this.refresh();
      this.#refuseConflict(change, options);
      const record: LakeRecord = {
        format: 1,
        version: this.#state.version + 1,
        id: randomUUID(),
        parent: this.#state.id,
        at: this.#now(),
        ...change,
      };
      const isFirst = await this.#create(record).catch((error: unknown) => {
        throw lakeUnwritable(this.#lakeFolder, error);
      });
      if (!isFirst) continue;
      if (!(await this.#isInHistory(record))) throw lakeSuperseded(this.#lakeFolder, Object.keys(change.offsets ?? {}));
      applyRecord(this.#state, record);
      await this.#checkpoint();
      return;
    }
  }

  async #readNew(): Promise<void> {
    const { records, checkpoints } = await this.#list();
    const newest = checkpoints.at(-1) ?? 0;
    const behind = newest - this.#state.version;
    if (behind >= recordsPerCheckpoint || (behind > 0 && !records.includes(this.#state.version + 1))) {
      this.#state = parseLakeState(await this.#read(checkpointName(newest)));
    }
    const fresh = records.filter((version) => version > this.#state.version);
    const texts = await Promise.all(fresh.map(async (version) => this.#read(recordName(version))));
    for (const [index, text] of texts.entries()) {
      const record = JSON.parse(text) as LakeRecord;
      if (record.format !== 1) throw new Error(`record ${fresh[index]} has format ${String(record.format)}, not 1`);
      if (record.parent !== this.#state.id) throw new Error(`record ${this.#state.version + 1} is missing`);
      applyRecord(this.#state, record);
    }
  }

  #refuseConflict({ offsets = {} }: LakeChange, { holder }: LakeCommitOptions): void {
    const { claim } = this.#state;
    if (holder !== undefined && holder !== (claim?.token ?? null)) throw lakeBusy(this.#lakeFolder, claim);
    const lost = Object.keys(offsets).filter(
      (source) => offsets[source]?.from !== (this.#state.offsets.get(source) ?? 0),
    );
    if (lost.length > 0) throw lakeSuperseded(this.#lakeFolder, lost);
  }

  /** Whether the record became the one of its version. */
  async #create(record: LakeRecord): Promise<boolean> {
    await mkdir(this.#folder, { recursive: true });
    const temporary = join(this.#folder, `${record.id}.tmp`);
    const path = join(this.#folder, recordName(record.version));
    const isCreated = await createFileAtomically(path, [`${JSON.stringify(record)}\n`], { temporary });
    if (isCreated && record.version === 1) await syncPath(this.#lakeFolder);
    return isCreated;
  }

  /**
   * Whether the record that was just created stands behind its parent. It does not when this process stood still for so long
   * after its last look that the true record of the version has been pruned.
   */
  async #isInHistory({ version, id }: LakeRecord): Promise<boolean> {
    const { records, checkpoints } = await this.#list();
    if (records.includes(version + 1)) {
      return (JSON.parse(await this.#read(recordName(version + 1))) as LakeRecord).parent === id;
    }
    const newest = checkpoints.at(-1) ?? 0;
    if (newest < version) return true;
    return newest === version && parseLakeState(await this.#read(checkpointName(version))).id === id;
  }

  async #checkpoint(): Promise<void> {
    // The transaction is done. A checkpoint that fails now is made by a later one.
    try {
      const { records, checkpoints } = await this.#list();
      const { version } = this.#state;
      if (version - (checkpoints.at(-1) ?? 0) < recordsPerCheckpoint) return;
      await writeFileAtomically(join(this.#folder, checkpointName(version)), [serializeLakeState(this.#state)]);
      await this.#prune(records.filter((record) => record <= version).map(recordName));
      await this.#prune(checkpoints.filter((checkpoint) => checkpoint < version).map(checkpointName));
    } catch {
      return;
    }
  }

  /** Deletes, oldest first, what a checkpoint holds, once nobody can be about to read it. */
  async #prune(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const path = join(this.#folder, name);
      if ((await stat(path)).mtimeMs >= this.#now() - graceMsDefault) return;
      await rm(path, { force: true });
    }
  }

  async #list(): Promise<{ readonly records: readonly number[]; readonly checkpoints: readonly number[] }> {
    const names = (await readNames(this.#folder)).sort();
    const versions = (pattern: RegExp): number[] =>
      names.flatMap((name) => {
        const match = pattern.exec(name);
        return match === null ? [] : [Number(match[1])];
      });
    return { records: versions(recordPattern), checkpoints: versions(checkpointPattern) };
  }

  async #read(name: string): Promise<string> {
    return readFile(join(this.#folder, name), 'utf8');
  }
}

function recordName(version: number): string {
  return `${String(version).padStart(20, '0')}.json`;
}

function checkpointName(version: number): string {
  return `${String(version).padStart(20, '0')}.checkpoint.json`;
}
