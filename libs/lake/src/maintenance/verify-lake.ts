import { relative } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { sqlText } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { parquetTable } from '../read/sql.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { lakeErrors } from '../transaction-log/errors.ts';
import { queryFiles, snapshotOf } from '../transaction-log/snapshot.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';

export interface LakeCheck {
  readonly version: number;
  /** Whether every count below except `absent` is zero. */
  readonly isSound: boolean;
  readonly sources: readonly SourceCheck[];
  /** Files that are missing or have another size or number of rows than the transaction log says. */
  readonly files: readonly { readonly path: string; readonly problem: string }[];
}

export interface SourceCheck {
  readonly source: string;
  readonly committed: number;
  readonly rows: number;
  /** Surplus rows of offsets that the lake contains more than once. */
  readonly repeated: number;
  /** Rows at or beyond the committed offset. */
  readonly beyond: number;
  /** Offsets below the committed one without a row: refused events, gaps in the log, erased events. */
  readonly absent: number;
}

/** Checks every offset of every source. @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE` */
export async function verifyLake(lakeFolder: string, options: DuckDbOptions = {}): Promise<LakeCheck> {
  const storage = await openLakeStorage(lakeFolder);
  const state = await readLakeState(storage);
  const snapshot = snapshotOf(lakeFolder, state);
  const sizes = await storage.sizes();
  const files = snapshot.files.filter(({ path, bytes }) => sizes.get(path) === bytes);
  const problems = snapshot.files
    .filter(({ path, bytes }) => sizes.get(path) !== bytes)
    .map(({ path, bytes }) => ({
      path,
      problem: sizes.has(path) ? `has ${sizes.get(path)} bytes instead of ${bytes}` : 'missing',
    }));
  // So that the check reads the objects, not their copies.
  await lakeErrors.writing(
    lakeFolder,
    storage.dropCopies(() => false),
  );
  const count = async (connection: DuckDBConnection, folder: string): Promise<CountedRows> => {
    if (files.length === 0) return { bySource: new Map(), byFile: new Map() };
    const table = parquetTable(folder, files);
    const committed = [...state.offsets].map(([source, offset]) => `(${sqlText(source)}, ${offset})`);
    const sources = await connection.run(
      `SELECT logSource, count(*)::DOUBLE, count(DISTINCT logOffset)::DOUBLE, ` +
        `count(*) FILTER (logOffset >= coalesce(committed, 0))::DOUBLE FROM ${table} ` +
        `LEFT JOIN (VALUES ${committed.join(', ')}) offsets(source, committed) ON source = logSource GROUP BY logSource`,
    );
    const rows = await connection.run(`SELECT filename, count(*)::DOUBLE FROM ${table} GROUP BY filename`);
    return {
      bySource: new Map(
        ((await sources.getRows()) as [string, ...Counts][]).map(([source, ...counts]) => [source, counts]),
      ),
      byFile: new Map(
        ((await rows.getRows()) as [string, number][]).map(([file, number]) => [relative(folder, file), number]),
      ),
    };
  };
  const counted = await queryFiles(snapshot, files, options, (connection, opened) =>
    count(connection, opened.lakeFolder),
  );
  for (const { path, rows } of files) {
    const found = counted.byFile.get(path) ?? 0;
    if (found !== rows) problems.push({ path, problem: `has ${found} rows instead of ${rows}` });
  }
  const names = [...new Set([...state.offsets.keys(), ...counted.bySource.keys()])].sort();
  const sources = names.map((source): SourceCheck => {
    const committed = state.offsets.get(source) ?? 0;
    const [rows, distinct, beyond] = counted.bySource.get(source) ?? [0, 0, 0];
    return { source, committed, rows, repeated: rows - distinct, beyond, absent: Math.max(0, committed - distinct) };
  });
  const isSound = problems.length === 0 && sources.every(({ repeated, beyond }) => repeated + beyond === 0);
  return { version: snapshot.version, isSound, sources, files: problems };
}

/** Rows, distinct offsets, rows beyond the committed offset. */
type Counts = [number, number, number];

interface CountedRows {
  readonly bySource: ReadonlyMap<string, Counts>;
  /** By path, relative to the lake folder. */
  readonly byFile: ReadonlyMap<string, number>;
}
