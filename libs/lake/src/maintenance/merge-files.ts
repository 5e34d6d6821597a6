import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { identifyType } from '@facet/schemas';
import { sqlText } from '../duckdb.ts';
import { mergedPath } from '../layout.ts';
import type { Maintenance } from './maintain-lake.ts';
import { lakeErrors } from '../transaction-log/errors.ts';
import type { LakeFileEntry, LakeFileFacts, OffsetRanges } from '../transaction-log/transaction.ts';
import { lakeColumns, lakeOrder } from '../write/columns.ts';

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
  const [placed] = await lakeErrors.writing(storage.place, storage.placeFiles([{ written, path }]));
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
