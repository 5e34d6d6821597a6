import type { LoggedEvent } from '@facet/event-log';
import { createFolder } from '@facet/platform';
import { hashUser, identifyType } from '@facet/schemas';
import type { IntakeCount } from '@facet/schemas';
import { openDuckDb } from '../duckdb.ts';
import type { DuckDb, DuckDbOptions } from '../duckdb.ts';
import { parsePartPath, partPath } from '../layout.ts';
import type { LakeStorage } from '../storage/lake-storage.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { makeTemporaryFolder } from '../storage/place-files.ts';
import { lakeLogErrors } from '../transaction-log/errors.ts';
import { openLakeLog } from '../transaction-log/lake-log.ts';
import type { LakeLog } from '../transaction-log/lake-log.ts';
import type { TransactionLogOptions } from '../transaction-log/transaction-log.ts';
import type { LakeState, Erasure, LakeFileEntry } from '../transaction-log/state.ts';
import type { OffsetRanges } from '../transaction-log/transaction-log.ts';
import { createEventBuffer } from './event-buffer.ts';
import type { EventBuffer } from './event-buffer.ts';

/** Writes events of any number of sources to the lake, with their offsets. A commit is one transaction. */
export interface LakeWriter {
  /** Returns the first offset of a source that the lake does not contain, as of opening, the last commit or the last discard. */
  committed(source: string): number;
  /**
   * Adds the next events of a source and advances the source to the offset `next`. Offsets must ascend and may have gaps.
   * Events may be empty. Must not be called during a commit.
   */
  add(source: string, events: readonly LoggedEvent[], next: number): void;
  /** Adds counts to the next commit that advances a source. Its offsets show a retry whether the counts are committed. */
  addIntake(counts: readonly IntakeCount[]): void;
  addErasure(erasure: Erasure): void;
  /** The events that are added but not committed. */
  readonly pending: LakePending;
  /**
   * Makes all pending events durable and visible in one transaction. After a failure they stay pending: commit again, for
   * example once the disk has space. More events may be added in between. After `EVENTS_LAKE_UNREADABLE`, `S3_REFUSED` or
   * `S3_UNREACHABLE`, the lake may contain the transaction. Then the next commit fails with `EVENTS_LAKE_SUPERSEDED`.
   *
   * @throws AppError `EVENTS_LAKE_SUPERSEDED` when another writer has committed some of the sources (call `discard`),
   * `EVENTS_LAKE_UNWRITABLE`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_DAMAGED`, `S3_REFUSED`, `S3_UNREACHABLE`;
   * `EVENTS_LAKE_NOT_CONFIGURED` when the lake has moved to S3.
   */
  commit(): Promise<LakeCommit>;
  /**
   * Drops all pending events, counts and erasures, and reads the committed offsets again. The caller reads the messages
   * after these offsets again and adds their counts again. All other pending counts are lost.
   *
   * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `S3_REFUSED`, `S3_UNREACHABLE`
   */
  discard(): Promise<void>;
  /** Drops all pending events and closes the writer. */
  close(): Promise<void>;
}

export interface LakePending {
  readonly events: number;
  /** Sources that the next commit advances. */
  readonly sources: readonly string[];
}

export interface LakeCommit {
  /** The version of the lake that contains the commit. */
  readonly version: number;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** The offset range that each source advanced by. */
  readonly offsets: OffsetRanges;
}

export interface LakeWriterOptions extends DuckDbOptions, TransactionLogOptions {}

/**
 * Opens the lake for writing. Several processes may write at the same time. When two write the same source, the second commit
 * is refused. Opening removes the leftover files of killed writers.
 *
 * @throws AppError as `openLakeLog`
 */
export async function openLakeWriter(lakeFolder: string, options: LakeWriterOptions = {}): Promise<LakeWriter> {
  const storage = await openLakeStorage(lakeFolder);
  const placed = await storage.list();
  const log = await openLakeLog(storage, options);
  const unrecorded = new Set(placed.filter((path) => !log.state.files.has(path)));
  await lakeLogErrors.writing(lakeFolder, createFolder(lakeFolder));
  await lakeLogErrors.writing(lakeFolder, storage.removeLeftovers());
  const database = await lakeLogErrors.reading(lakeFolder, openDuckDb(options));
  try {
    const buffer = await createEventBuffer(database);
    const { writer, removeUnrecorded } = createWriter({ storage, log, database, buffer, unrecorded });
    await removeUnrecorded();
    return writer;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The pending offset range of a source, and its events. */
interface PendingSource {
  readonly from: number;
  readonly to: number;
  readonly events: number;
}

/** @param parts.unrecorded Stored files that no transaction names. */
function createWriter({
  storage,
  log,
  database,
  buffer,
  unrecorded,
}: {
  readonly storage: LakeStorage;
  readonly log: LakeLog;
  readonly database: DuckDb;
  readonly buffer: EventBuffer;
  readonly unrecorded: Set<string>;
}) {
  const sources = new Map<string, PendingSource>();
  /** The users of pending `identify` events. */
  const identified = new Set<string>();
  let intake: IntakeCount[] = [];
  let erasures: Erasure[] = [];
  let isCommitting = false;

  const committed = (source: string): number => log.state.offsets.get(source) ?? 0;
  const pendingEvents = (): number => [...sources.values()].reduce((sum, source) => sum + source.events, 0);

  /**
   * Removes files that no transaction can name any more, because their source has advanced past their first offset. The others
   * may belong to a live writer that has moved its files but not committed yet.
   */
  async function removeUnrecorded(): Promise<void> {
    const { files, removed } = log.state;
    for (const path of unrecorded) {
      const part = parsePartPath(path);
      const isKept = part === undefined || files.has(path) || removed.has(path);
      if (!isKept && part.from >= committed(part.source)) continue;
      // If a file cannot be removed now, the next writer tries again.
      if (!isKept) await storage.remove([path]).catch(() => undefined);
      unrecorded.delete(path);
    }
  }

  async function clear(): Promise<void> {
    sources.clear();
    intake = [];
    erasures = [];
    identified.clear();
    await buffer.clear();
  }

  /**
   * Returns the erasures whose users the pending `identify` events name. Such an event may give a user the earlier events of a
   * session, which the erasure covers, too.
   */
  function erasuresOfIdentified({ erasureKey, erasures: all }: LakeState): string[] {
    const recorded = [...all.values()];
    if (identified.size === 0 || recorded.length === 0) return [];
    const hashes = new Set([...identified].map((userId) => erasureKey.of(hashUser(userId))));
    return recorded.filter(({ userHash }) => hashes.has(userHash)).map(({ erasureId }) => erasureId);
  }

  async function refuseSuperseded(): Promise<void> {
    await log.refresh();
    const lost = [...sources].filter(([source, { from }]) => from !== committed(source));
    if (lost.length === 0) return;
    throw lakeLogErrors.superseded(
      storage.location,
      lost.map(([source]) => source),
    );
  }

  /** Writes the pending events to files of the lake that no transaction names yet. */
  async function placeBatch(): Promise<LakeFileEntry[]> {
    if (pendingEvents() === 0) return [];
    try {
      const temporary = await makeTemporaryFolder(storage.folder);
      try {
        const parts = await buffer.write(temporary.path);
        const files = parts.map(({ day, source, facts }) => {
          const { from, to } = sources.get(source) as PendingSource;
          return { path: partPath(day, source, { from, to }), ...facts, sources: { [source]: { from, to } } };
        });
        const added = files.map(({ path }) => path).filter((path) => !unrecorded.has(path));
        for (const path of added) unrecorded.add(path);
        const placed = await storage.placeFiles(
          parts.map(({ written }, index) => ({ written, path: files[index]!.path })),
        );
        for (const path of added) unrecorded.delete(path);
        for (const { path } of placed) unrecorded.add(path);
        return files.map((file, index) => ({ ...file, ...placed[index]! }));
      } finally {
        await temporary.remove();
      }
    } catch (error) {
      throw lakeLogErrors.unwritable(storage.location, error);
    }
  }

  const writer: LakeWriter = {
    committed,
    get pending() {
      return { events: pendingEvents(), sources: [...sources.keys()] };
    },
    add(source: string, events: readonly LoggedEvent[], next: number): void {
      if (isCommitting) throw new Error('a commit is in progress');
      const from = committed(source);
      const pending = sources.get(source) ?? { from, to: from, events: 0 };
      let position = pending.to;
      for (const { offset } of events) {
        if (offset < position) throw new Error(`offset ${offset} of ${source} is below the next offset ${position}`);
        position = offset + 1;
      }
      if (next < position) throw new Error(`${source} cannot advance to ${next}, it is at ${position}`);
      if (next === pending.to) return;
      buffer.add(source, events);
      for (const { event } of events) {
        if (event.type === identifyType && event.userId !== undefined) identified.add(event.userId);
      }
      sources.set(source, { ...pending, to: next, events: pending.events + events.length });
    },
    addIntake(counts) {
      for (const count of counts) intake.push(count);
    },
    addErasure: (erasure) => void erasures.push(erasure),
    async commit(): Promise<LakeCommit> {
      const [addedIntake, addedErasures] = [intake, erasures];
      const offsets = Object.fromEntries([...sources].map(([source, { from, to }]) => [source, { from, to }]));
      const hasNothing = sources.size === 0 && addedErasures.length === 0;
      if (hasNothing) return { version: Math.max(0, log.state.version), files: 0, rows: 0, bytes: 0, offsets };
      isCommitting = true;
      try {
        await refuseSuperseded();
        const add = await placeBatch();
        await log.commit((state) => ({
          add,
          offsets,
          intake: addedIntake,
          erasures: addedErasures,
          reopened: erasuresOfIdentified(state),
        }));
        const rows = pendingEvents();
        await clear();
        const bytes = add.reduce((sum, file) => sum + file.bytes, 0);
        return { version: log.state.version, files: add.length, rows, bytes, offsets };
      } finally {
        isCommitting = false;
        await removeUnrecorded();
      }
    },
    async discard() {
      await clear();
      await log.refresh();
      await removeUnrecorded();
    },
    close: () => database.close(),
  };
  return { writer, removeUnrecorded };
}
