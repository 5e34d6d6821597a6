import { join } from 'node:path';
import { BIGINT, VARCHAR } from '@duckdb/node-api';
import type { EventLog, PartitionRange } from '@facet/event-log';
import { AppError, isAppError } from '@facet/platform';
import { appendRows, countRows, openDuckDb, sqlText } from '../duckdb.ts';
import { dayOf, sourceName } from '../layout.ts';
import { compactLake, placeMerged } from './compact-lake.ts';
import { maintainLake } from './maintain-lake.ts';
import type { MaintainOptions, Maintenance } from './maintain-lake.ts';
import { parquetFiles, parquetTable, sqlTime, where } from '../read/sql.ts';
import type { OpenFiles } from '../storage/lake-storage.ts';
import { withFiles } from '../transaction-log/snapshot.ts';
import { lossOf } from '../transaction-log/errors.ts';
import { pendingErasures } from '../transaction-log/state.ts';
import type { LakeStateFile, LakeFileEntry } from '../transaction-log/state.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';
import { createEventBuffer } from '../write/event-buffer.ts';

export interface RebuildOptions extends MaintainOptions {
  /** Events received at or after this time are read from the log again. Epoch milliseconds. */
  readonly from: number;
  /** Called with the records of the log read so far and the records to read. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface RebuildResult {
  /** Rows read from the log. */
  readonly rows: number;
  /** Rewritten days. */
  readonly days: number;
  /** Rows that stay unchanged, because the log no longer accepts their records. */
  readonly kept: number;
  /** Replaced files that cannot be read, although they may contain such rows. These rows are lost. */
  readonly lost: readonly LostRows[];
}

export interface LostRows {
  /** The file, relative to the lake folder. */
  readonly path: string;
  readonly rowsMax: number;
  /** Why the file cannot be read. */
  readonly problem: string;
}

/** A range of offsets to read from the log again. */
interface RebuiltRange extends PartitionRange {
  readonly source: string;
}

/** Events in memory at the same time. */
const batchEventsMax = 500_000;

/**
 * Replaces the rows of a log since a time with the same rows from the log, in one transaction, up to the committed offsets. A
 * sink may add later events meanwhile. Erased events stay erased. Rows of records that the log refuses stay as they are: a type
 * may be undeclared, or a batch undecodable. Of the files with replaced rows only, the rebuild reads those that may contain such
 * rows. If one of these is damaged or missing, or its disk is broken, only its rows of refused records are lost.
 *
 * @throws AppError `EVENTS_REBUILD_INCOMPLETE` when the log no longer contains all replaced rows. The lake is then unchanged.
 * Also the errors of `compactLake` and of the log.
 */
export async function rebuildLake(log: EventLog, lakeFolder: string, options: RebuildOptions): Promise<RebuildResult> {
  const result = await maintainLake(lakeFolder, options, async (maintenance) => {
    const ranges = await planRanges(log, maintenance, options.from);
    if (ranges.length === 0) return { rows: 0, days: 0, kept: 0, lost: [] };
    const { rows, staged } = await stageEvents(log, { ranges, maintenance, options });
    return { rows, ...(await replaceRows(maintenance, { ranges, staged, signal: options.signal })) };
  });
  // The log may still contain erased events. Reads leave them out; compaction removes them from the disk.
  if (pendingErasures(await readLakeState(lakeFolder)).length > 0) await compactLake(lakeFolder, options);
  return result;
}

async function planRanges(
  log: EventLog,
  { snapshot, committed, connection }: Maintenance,
  from: number,
): Promise<RebuiltRange[]> {
  const firsts = await log.offsetsAt(from);
  const ranges: RebuiltRange[] = [];
  for (const { partition, start, end } of await log.extents()) {
    const source = sourceName({ topic: log.topic, partition });
    const to = committed(source);
    const first = Math.max(start, firsts.get(partition) ?? end);
    if (to > end) throw incomplete(`${source} ends at offset ${end}, but the lake contains offsets up to ${to}`);
    const gone = snapshot.files.filter(
      ({ sources, receivedTo }) => (sources[source]?.from ?? first) < start && receivedTo >= from,
    );
    if (gone.length > 0) {
      const isGone = where([
        `logSource = ${sqlText(source)}`,
        `logOffset < ${start}`,
        `receivedAt >= ${sqlTime(from)}`,
      ]);
      const rows = await withFiles(snapshot, gone, ({ lakeFolder }) =>
        countRows(connection, `${parquetTable(lakeFolder, gone)} ${isGone}`),
      );
      if (rows > 0) throw incomplete(`${source} starts at offset ${start}, after ${rows} events of the chosen period`);
    }
    if (first < to) ranges.push({ source, partition, from: first, to });
  }
  return ranges;
}

interface StagedEvents {
  readonly rows: number;
  /** Paths of temporary files by day. */
  readonly staged: ReadonlyMap<string, readonly string[]>;
}

/** A row of the table `refused`, which contains every offset of refused records and of undecodable batches. */
type RefusedOffset = readonly [source: string, offset: number];
const refusedColumns = [
  { type: VARCHAR, valueOf: ([source]: RefusedOffset) => source },
  { type: BIGINT, valueOf: ([, offset]: RefusedOffset) => BigInt(offset) },
];

/** Writes the events of the ranges to temporary files, and the offsets of refused records to the table `refused`. */
async function stageEvents(
  log: EventLog,
  {
    ranges,
    maintenance,
    options,
  }: {
    readonly ranges: readonly RebuiltRange[];
    readonly maintenance: Maintenance;
    readonly options: RebuildOptions;
  },
): Promise<StagedEvents> {
  const { signal } = options;
  await maintenance.connection.run('CREATE TEMP TABLE refused (logSource VARCHAR, logOffset BIGINT)');
  const refusedRows = await maintenance.connection.createAppender('refused');
  const staged = new Map<string, string[]>();
  const database = await openDuckDb(options);
  try {
    const buffer = await createEventBuffer(database);
    let buffered = 0;
    let batches = 0;
    const flush = async (): Promise<void> => {
      const parts = await buffer.write(join(maintenance.temporaryFolder, String(batches++)));
      for (const { day, written } of parts) staged.set(day, [...(staged.get(day) ?? []), written]);
      await buffer.clear();
      buffered = 0;
    };
    const position = new Map(ranges.map(({ partition, from }) => [partition, from]));
    const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    let done = 0;
    let rows = 0;
    for await (const { partition, events, refused, next } of log.stream(ranges, { signal })) {
      const source = sourceName({ topic: log.topic, partition });
      buffer.add(source, events);
      buffered += events.length;
      rows += events.length;
      const start = position.get(partition) ?? next;
      const offsets = refused.flatMap(({ offset, reason }) => {
        if (reason !== 'undecodable') return [offset];
        // The batch begins after the event before it.
        const before = events.findLast((event) => event.offset < offset)?.offset ?? start - 1;
        return Array.from({ length: offset - before }, (_, index) => before + 1 + index);
      });
      appendRows(
        refusedRows,
        refusedColumns,
        offsets.map((offset): RefusedOffset => [source, offset]),
        ({ valueOf }, row) => valueOf(row),
      );
      done += next - start;
      position.set(partition, next);
      if (buffered >= batchEventsMax) await flush();
      options.onProgress?.(done, total);
    }
    await flush();
    refusedRows.closeSync();
    return { rows, staged };
  } finally {
    await database.close();
  }
}

async function replaceRows(
  maintenance: Maintenance,
  {
    ranges,
    staged,
    signal,
  }: {
    readonly ranges: readonly RebuiltRange[];
    readonly staged: ReadonlyMap<string, readonly string[]>;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Pick<RebuildResult, 'days' | 'kept' | 'lost'>> {
  const { snapshot, connection, commit } = maintenance;
  const touched = snapshot.files.filter((file) => ranges.some((range) => overlaps(file, range)));
  const isReplaced = rangesSql(ranges);
  const add: LakeFileEntry[] = [];
  const lost: LostRows[] = [];
  let kept = 0;
  const days = [...new Set([...touched.map(({ path }) => dayOf(path)), ...staged.keys()])].sort();
  for (const day of days) {
    const files = touched.filter(({ path }) => dayOf(path) === day);
    const replaced = files.filter((file) => isReplacedCompletely(file, ranges));
    const partial = files.filter((file) => !isReplacedCompletely(file, ranges));
    const written = [...(staged.get(day) ?? [])];
    for (const file of replaced) {
      const extracted = await extractRefused(maintenance, { file, signal });
      if (typeof extracted === 'string') written.push(extracted);
      else if (extracted !== undefined) lost.push(extracted);
    }
    if (partial.length + written.length === 0) continue;
    const merged = await withFiles(snapshot, partial, ({ lakeFolder }) => {
      const tables = [
        ...(partial.length === 0
          ? []
          : [`SELECT * FROM ${parquetTable(lakeFolder, partial)} row WHERE NOT (${isReplaced}) OR ${isRefused}`]),
        ...(written.length === 0 ? [] : [`SELECT * FROM ${parquetFiles(written)}`]),
      ];
      return placeMerged(maintenance, {
        day,
        rows: tables.join(' UNION ALL BY NAME '),
        onWritten: async (path) => {
          kept += await countRows(connection, `${parquetFiles([path])} row WHERE ${isRefused}`);
        },
      });
    });
    if (merged !== undefined) add.push(merged);
  }
  await commit({ add, remove: touched.map(({ path }) => path) });
  return { days: days.length, kept, lost };
}

/** SQL condition that the log refuses the record of a lake row. */
const isRefused =
  'EXISTS (SELECT 1 FROM refused WHERE refused.logSource = row.logSource AND refused.logOffset = row.logOffset)';

/**
 * Writes the rows of refused records in a replaced file to a temporary file, and returns its path. Returns `undefined` if the log
 * refuses no record of these offsets. A file that is damaged, missing or on a broken disk does not prevent its own repair.
 */
async function extractRefused(
  { storage, connection, temporaryFolder }: Maintenance,
  { file, signal }: { readonly file: LakeStateFile; readonly signal: AbortSignal | undefined },
): Promise<string | LostRows | undefined> {
  const ranges = Object.entries(file.sources).map(([source, range]) => ({ source, ...range }));
  const refused = await countRows(connection, `refused WHERE ${rangesSql(ranges)}`);
  if (refused === 0) return undefined;
  const written = join(temporaryFolder, `refused-${file.path.replaceAll('/', '-')}`);
  let opened: OpenFiles | undefined;
  try {
    opened = await storage.open([file]);
    await connection.run(
      `COPY (SELECT * FROM ${parquetTable(opened.folder, [file])} row WHERE ${isRefused}) TO ${sqlText(written)} (FORMAT parquet)`,
    );
    return written;
  } catch (error) {
    signal?.throwIfAborted();
    // The storage does not respond, or there is no space for a copy.
    if (isAppError(error)) throw error;
    const problem = lossOf(join(storage.folder, file.path), error);
    if (problem === undefined || problem.includes(temporaryFolder)) throw error;
    return { path: file.path, rowsMax: Math.min(file.rows, refused), problem };
  } finally {
    await opened?.close();
  }
}

/** Returns the SQL condition that a row is in one of the ranges. */
function rangesSql(ranges: readonly Omit<RebuiltRange, 'partition'>[]): string {
  return ranges
    .map(({ source, from, to }) => `(logSource = ${sqlText(source)} AND logOffset >= ${from} AND logOffset < ${to})`)
    .join(' OR ');
}

function overlaps({ sources }: LakeStateFile, { source, from, to }: RebuiltRange): boolean {
  const range = sources[source];
  return range !== undefined && range.to > from && range.from < to;
}

/** Returns whether all rows of a file are replaced. */
function isReplacedCompletely({ sources }: LakeStateFile, ranges: readonly RebuiltRange[]): boolean {
  return Object.entries(sources).every(([source, { from, to }]) =>
    ranges.some((range) => range.source === source && range.from <= from && to <= range.to),
  );
}

function incomplete(problem: string): AppError {
  return new AppError(`The event log no longer contains all events to rebuild: ${problem}.`, {
    code: 'EVENTS_REBUILD_INCOMPLETE',
    category: 'input',
    remedy: 'Choose a later start time, from which the log is complete.',
  });
}
