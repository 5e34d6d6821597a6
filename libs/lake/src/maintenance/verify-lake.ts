import { relative } from 'node:path';
import { sqlText } from '../duckdb.ts';
import type { DuckDbOptions } from '../duckdb.ts';
import { parquetTable } from '../read/sql.ts';
import { openLakeStorage } from '../storage/open-lake-storage.ts';
import { lakeLogErrors } from '../transaction-log/errors.ts';
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
  await lakeLogErrors.writing(
    lakeFolder,
    storage.dropCopies(() => false),
  );
  const committed = [...state.offsets].map(([source, offset]) => `(${sqlText(source)}, ${offset})`);
  const { bySource, byFile } = await queryFiles(
    snapshot,
    files,
    options,
    async (connection, { lakeFolder: folder }) => {
      const table = parquetTable(folder, files);
      const rowsOf = async <Row>(sql: string): Promise<Row[]> => (await (await connection.run(sql)).getRows()) as Row[];
      const sources = await rowsOf<[string, rows: number, distinct: number, beyond: number]>(
        `SELECT logSource, count(*)::DOUBLE, count(DISTINCT logOffset)::DOUBLE, ` +
          `count(*) FILTER (logOffset >= coalesce(committed, 0))::DOUBLE FROM ${table} ` +
          `LEFT JOIN (VALUES ${['(NULL, NULL)', ...committed].join(', ')}) offsets(source, committed) ON source = logSource GROUP BY logSource`,
      );
      const counts =
        files.length === 0
          ? []
          : await rowsOf<[string, number]>(`SELECT filename, count(*)::DOUBLE FROM ${table} GROUP BY filename`);
      return {
        bySource: new Map(sources.map(([source, ...counted]) => [source, counted])),
        byFile: new Map(counts.map(([file, rows]) => [relative(folder, file), rows])),
      };
    },
  );
  for (const { path, rows } of files) {
    const found = byFile.get(path) ?? 0;
    if (found !== rows) problems.push({ path, problem: `has ${found} rows instead of ${rows}` });
  }
  const names = [...new Set([...state.offsets.keys(), ...bySource.keys()])].sort();
  const sources = names.map((source): SourceCheck => {
    const committed = state.offsets.get(source) ?? 0;
    const [rows, distinct, beyond] = bySource.get(source) ?? [0, 0, 0];
    return { source, committed, rows, repeated: rows - distinct, beyond, absent: Math.max(0, committed - distinct) };
  });
  const isSound = problems.length === 0 && sources.every(({ repeated, beyond }) => repeated + beyond === 0);
  return { version: snapshot.version, isSound, sources, files: problems };
}
