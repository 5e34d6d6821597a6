import { join } from 'node:path';
import { BIGINT, VARCHAR } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { EventLog, PartitionRange } from '@facet/event-log';
import { AppError } from '@facet/platform';
import { appendRows, openDuckDb, selectRows, sqlText } from '../duckdb.ts';
import { dayOf, sourceName } from '../layout.ts';
import { compactLake } from './compact-lake.ts';
import { maintainLake } from './maintain-lake.ts';
import type { MaintainOptions, Maintenance } from './maintain-lake.ts';
import { placeMerged } from './merge-files.ts';
import { parquetFiles, parquetTable, sqlTime, where } from '../read/sql.ts';
import { lakeErrors } from '../transaction-log/errors.ts';
import { pendingErasures } from '../transaction-log/state.ts';
import type { LakeStateFile } from '../transaction-log/state.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';
import type { LakeFileEntry } from '../transaction-log/transaction.ts';
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
}

/** A range of offsets to read from the log again. */
interface RebuiltRange extends PartitionRange {
  readonly source: string;
}

/** Events in memory at the same time. */
const batchEventsMax = 500_000;

/**
 * Replaces the rows of a log since a time with the same rows from the log, in one transaction, up to the committed offsets. A
 * sink may add later events meanwhile. Files with replaced rows only are not read, so they may be damaged or missing. Erased
 * events stay erased. Rows of records that the log refuses stay as they are: a type may be undeclared, or a batch undecodable.
 *
 * @throws AppError `EVENTS_REBUILD_INCOMPLETE` when the log no longer contains all replaced rows. The lake is then unchanged.
 * Also the errors of `compactLake` and of the log.
 */
export async function rebuildLake(log: EventLog, lakeFolder: string, options: RebuildOptions): Promise<RebuildResult> {
  const result = await maintainLake(lakeFolder, options, async (maintenance) => {
    const ranges = await planRanges(log, maintenance, options.from);
    if (ranges.length === 0) return { rows: 0, days: 0, kept: 0 };
    const { rows, staged, decoded } = await stageEvents(log, { ranges, maintenance, options });
    return { rows, ...(await replaceRows(maintenance, { ranges: decoded, staged })) };
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
      const result = await connection.run(
        `SELECT count(*)::DOUBLE FROM ${parquetTable(snapshot.lakeFolder, gone)} ` +
          where([`logSource = ${sqlText(source)}`, `logOffset < ${start}`, `receivedAt >= ${sqlTime(from)}`]),
      );
      const [[rows]] = (await result.getRows()) as [[number]];
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
  /** The ranges without the batches that cannot be decoded. */
  readonly decoded: readonly RebuiltRange[];
}

/** A row of the table `refused`, which contains the refused records except undecodable batches. */
type RefusedPlace = readonly [source: string, offset: number];
const refusedColumns = [
  { type: VARCHAR, valueOf: ([source]: RefusedPlace) => source },
  { type: BIGINT, valueOf: ([, offset]: RefusedPlace) => BigInt(offset) },
];

/** Writes the events of the ranges to temporary files, and the places of refused records to the table `refused`. */
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
      await maintenance.renew();
    };
    const position = new Map(ranges.map(({ partition, from }) => [partition, from]));
    const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    let done = 0;
    let rows = 0;
    let decoded = ranges;
    for await (const { partition, events, refused, next } of log.stream(ranges, { signal })) {
      const source = sourceName({ topic: log.topic, partition });
      buffer.add(source, events);
      buffered += events.length;
      rows += events.length;
      const start = position.get(partition) ?? next;
      const places = refused.filter(({ reason }) => reason !== 'undecodable');
      appendRows(
        refusedRows,
        refusedColumns,
        places.map(({ offset }): RefusedPlace => [source, offset]),
        ({ valueOf }, place) => valueOf(place),
      );
      for (const { offset, reason } of refused) {
        if (reason !== 'undecodable') continue;
        // The batch begins after the event before it.
        const before = events.findLast((event) => event.offset < offset)?.offset ?? start - 1;
        decoded = without(decoded, { source, from: before + 1, to: offset + 1 });
      }
      done += next - start;
      position.set(partition, next);
      if (buffered >= batchEventsMax) await flush();
      options.onProgress?.(done, total);
    }
    await flush();
    refusedRows.closeSync();
    return { rows, staged, decoded };
  } finally {
    await database.close();
  }
}

/** Returns the parts of the ranges that are not in the other range of the same source. */
function without(
  ranges: readonly RebuiltRange[],
  { source, from, to }: Omit<RebuiltRange, 'partition'>,
): readonly RebuiltRange[] {
  return ranges
    .flatMap((range) =>
      range.source === source
        ? [
            { ...range, to: Math.min(range.to, from) },
            { ...range, from: Math.max(range.from, to) },
          ]
        : [range],
    )
    .filter((range) => range.from < range.to);
}

async function replaceRows(
  maintenance: Maintenance,
  {
    ranges,
    staged,
  }: { readonly ranges: readonly RebuiltRange[]; readonly staged: ReadonlyMap<string, readonly string[]> },
): Promise<Pick<RebuildResult, 'days' | 'kept'>> {
  const { snapshot, connection, commit, renew } = maintenance;
  const touched = snapshot.files.filter((file) => ranges.some((range) => overlaps(file, range)));
  const isReplaced = ranges
    .map(({ source, from, to }) => `(logSource = ${sqlText(source)} AND logOffset >= ${from} AND logOffset < ${to})`)
    .join(' OR ');
  const refusedRows = await countRefused(connection, snapshot.lakeFolder, touched);
  const add: LakeFileEntry[] = [];
  const days = [...new Set([...touched.map(({ path }) => dayOf(path)), ...staged.keys()])].sort();
  for (const day of days) {
    const kept = touched.filter(
      (file) => dayOf(file.path) === day && (refusedRows.has(file) || !liesWithin(file, ranges)),
    );
    const fresh = staged.get(day) ?? [];
    const tables = [
      ...(kept.length === 0
        ? []
        : [`SELECT * FROM ${parquetTable(snapshot.lakeFolder, kept)} row WHERE NOT (${isReplaced}) OR ${isRefused}`]),
      ...(fresh.length === 0 ? [] : [`SELECT * FROM ${parquetFiles(fresh)}`]),
    ];
    if (tables.length === 0) continue;
    const merged = await placeMerged(maintenance, { day, rows: tables.join(' UNION ALL BY NAME ') });
    if (merged !== undefined) add.push(merged);
    await renew();
  }
  await commit({ add, remove: touched.map(({ path }) => path) });
  return { days: days.length, kept: [...refusedRows.values()].reduce((sum, rows) => sum + rows, 0) };
}

/** SQL condition that the log refuses the record of a lake row. */
const isRefused =
  'EXISTS (SELECT 1 FROM refused WHERE refused.logSource = row.logSource AND refused.logOffset = row.logOffset)';

/** Counts the rows of refused records in each file that has some. In a damaged file, no row is left to keep. */
async function countRefused(
  connection: DuckDBConnection,
  lakeFolder: string,
  files: readonly LakeStateFile[],
): Promise<ReadonlyMap<LakeStateFile, number>> {
  const counts = new Map<LakeStateFile, number>();
  const [refused] = await selectRows<{ readonly rows: number }>(
    connection,
    'SELECT count(*)::DOUBLE AS rows FROM refused',
  );
  if (refused?.rows === 0) return counts;
  for (const file of files) {
    const sql = `SELECT count(*)::DOUBLE AS rows FROM ${parquetTable(lakeFolder, [file])} row WHERE ${isRefused}`;
    const [found] = await selectRows<{ readonly rows: number }>(connection, sql).catch((cause: unknown) => {
      const error = lakeErrors.unreadable(join(lakeFolder, file.path), cause);
      if (error.code === 'EVENTS_LAKE_DAMAGED') return [];
      throw error;
    });
    if (found !== undefined && found.rows > 0) counts.set(file, found.rows);
  }
  return counts;
}

function overlaps({ sources }: LakeStateFile, { source, from, to }: RebuiltRange): boolean {
  const range = sources[source];
  return range !== undefined && range.to > from && range.from < to;
}

/** Returns whether all rows of a file are replaced. */
function liesWithin({ sources }: LakeStateFile, ranges: readonly RebuiltRange[]): boolean {
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
