import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { identifyType } from '@facet/schemas';
import { sqlText } from '../duckdb.ts';
import { dayOf, lakeColumns, lakeOrder, mergedPath } from '../layout.ts';
import { parquetTable } from '../read/sql.ts';
import { lakeLogErrors } from '../transaction-log/errors.ts';
import { withFiles } from '../transaction-log/snapshot.ts';
import type { LakeStateFile, ErasedMark, LakeFileEntry, LakeFileFacts } from '../transaction-log/state.ts';
import type { OffsetRanges } from '../transaction-log/transaction-log.ts';
import { planErasures, withoutErasing } from './erasures.ts';
import { maintainLake } from './maintain-lake.ts';
import type { MaintainOptions, Maintenance } from './maintain-lake.ts';

interface CompactOptions extends MaintainOptions {
  /** Called with the rewritten days and the days to rewrite. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

interface CompactResult {
  /** Rewritten days. */
  readonly days: number;
  readonly filesBefore: number;
  readonly filesAfter: number;
  /** Erasures that were applied, with the number of removed rows. */
  readonly erased: readonly ErasedMark[];
}

/**
 * Merges the files of each day into one file, sorted by user and time, and applies all pending erasures in one transaction.
 * Writers and readers continue meanwhile: a transaction replaces all files of a day, and only erasures change the rows.
 * Compaction may be killed at any point and run again.
 *
 * @throws AppError `EVENTS_LAKE_BUSY` while another process rewrites files, `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`,
 * `EVENTS_LAKE_UNWRITABLE`.
 * The signal's reason when aborted.
 */
export async function compactLake(lakeFolder: string, options: CompactOptions = {}): Promise<CompactResult> {
  return maintainLake(lakeFolder, options, async (maintenance) => {
    const { snapshot, pendingErasures, connection, commit } = maintenance;
    const { marks, paths } =
      pendingErasures.length === 0
        ? { marks: [], paths: new Set<string>() }
        : await planErasures(connection, snapshot, pendingErasures);
    const days = new Map<string, LakeStateFile[]>();
    for (const file of snapshot.files) days.set(dayOf(file.path), [...(days.get(dayOf(file.path)) ?? []), file]);
    const erasing = [...days].filter(([, files]) => files.some(({ path }) => paths.has(path)));
    const merging = [...days].filter(([day, files]) => files.length > 1 && !erasing.some(([other]) => other === day));

    let done = 0;
    let filesAfter = 0;
    const rewrite = async (day: string, files: readonly LakeStateFile[]): Promise<readonly LakeFileEntry[]> => {
      options.signal?.throwIfAborted();
      const added = await rewriteDay(maintenance, { day, files, isErasing: files.some(({ path }) => paths.has(path)) });
      done++;
      options.onProgress?.(done, erasing.length + merging.length);
      filesAfter += added.length;
      return added;
    };
    const pathsOf = (files: readonly LakeStateFile[]): string[] => files.map(({ path }) => path);
    if (marks.length > 0) {
      const add: LakeFileEntry[] = [];
      for (const [day, files] of erasing) add.push(...(await rewrite(day, files)));
      await commit({ add, remove: erasing.flatMap(([, files]) => pathsOf(files)), erased: marks });
    }
    for (const [day, files] of merging) {
      await commit({ add: await rewrite(day, files), remove: pathsOf(files), isCompaction: true });
    }
    const filesBefore = [...erasing, ...merging].reduce((sum, [, files]) => sum + files.length, 0);
    return { days: done, filesBefore, filesAfter, erased: marks };
  });
}

async function rewriteDay(
  maintenance: Maintenance,
  {
    day,
    files,
    isErasing,
  }: { readonly day: string; readonly files: readonly LakeStateFile[]; readonly isErasing: boolean },
): Promise<readonly LakeFileEntry[]> {
  const { snapshot } = maintenance;
  const merged = await withFiles(snapshot, files, async ({ lakeFolder }) => {
    const table = parquetTable(lakeFolder, files);
    const rows = isErasing ? withoutErasing(table) : `SELECT * FROM ${table}`;
    return placeMerged(maintenance, { day, rows });
  });
  return merged === undefined ? [] : [{ ...merged, erasedThrough: snapshot.version }];
}

/**
 * Writes the rows of a query to one file of a day, sorted by user and time, and moves it into the lake, where no transaction
 * names it yet. Returns `undefined` without rows. DuckDB sorts within its memory limit, however large the day is.
 *
 * @param file.onWritten Called with the file of this machine before it is moved.
 */
export async function placeMerged(
  { connection, storage, temporaryFolder, token }: Maintenance,
  {
    day,
    rows,
    onWritten,
  }: { readonly day: string; readonly rows: string; readonly onWritten?: (written: string) => Promise<void> },
): Promise<LakeFileEntry | undefined> {
  const written = join(temporaryFolder, `${day}.parquet`);
  const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
  await connection.run(
    `COPY (SELECT ${list(Object.keys(lakeColumns))} FROM (${rows}) ORDER BY ${list(lakeOrder)}) ` +
      `TO ${sqlText(written)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  const described = await describeFile(connection, written);
  if (described === undefined) return undefined;
  await onWritten?.(written);
  const path = mergedPath(day, token);
  const [placed] = await lakeLogErrors.writing(storage.location, storage.placeFiles([{ written, path }]));
  return { ...described, ...placed! };
}

type Description = LakeFileFacts & { readonly sources: OffsetRanges };

async function describeFile(connection: DuckDBConnection, path: string): Promise<Description | undefined> {
  const result = await connection.run(
    `SELECT logSource, min(logOffset)::DOUBLE, max(logOffset)::DOUBLE + 1, count(*)::DOUBLE, ` +
      `epoch_ms(min(receivedAt))::DOUBLE, epoch_ms(max(receivedAt))::DOUBLE, count(*) FILTER (userId IS NULL)::DOUBLE, ` +
      `count(*) FILTER (type = ${sqlText(identifyType)})::DOUBLE ` +
      `FROM read_parquet(${sqlText(path)}, hive_partitioning = false) GROUP BY logSource ORDER BY logSource`,
  );
  const rows = (await result.getRows()) as [string, ...[number, number, number, number, number, number, number]][];
  if (rows.length === 0) return undefined;
  const sum = (index: 3 | 6 | 7): number => rows.reduce((total, row) => total + row[index], 0);
  return {
    rows: sum(3),
    receivedFrom: Math.min(...rows.map((row) => row[4])),
    receivedTo: Math.max(...rows.map((row) => row[5])),
    anonymous: sum(6),
    identifies: sum(7),
    sources: Object.fromEntries(rows.map(([source, from, to]) => [source, { from, to }])),
  };
}
