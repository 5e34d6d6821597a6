import { join } from 'node:path';
import { hashFile } from '@facet/platform';
import { sqlText, withDuckDb } from '../duckdb.ts';
import { filesOfWindow, lakeUnreadable, openLakeSnapshot } from '../transaction-log/snapshot.ts';
import type { LakeSnapshot, LakeWindow } from '../transaction-log/snapshot.ts';

/** One file of the lake, for dataset manifests. */
export interface LakeFile {
  /** Relative to the lake folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly rows: number;
  /** SHA-256 of the file in hex. */
  readonly sha256: string;
}

/**
 * Lists the files that contain the window's events, by path, with their size, hash and rows on the disk.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`, `EVENTS_LAKE_SNAPSHOT_EXPIRED`
 */
export async function listLakeFiles(lake: string | LakeSnapshot, window: LakeWindow = {}): Promise<LakeFile[]> {
  const snapshot = typeof lake === 'string' ? await openLakeSnapshot(lake) : lake;
  const { lakeFolder } = snapshot;
  const paths = filesOfWindow(snapshot, window).map(({ path }) => path);
  if (paths.length === 0) return [];
  try {
    const rows = await countFileRows(paths.map((path) => join(lakeFolder, path)));
    const files: LakeFile[] = [];
    for (const [index, path] of paths.entries()) {
      files.push({ path, rows: rows[index] ?? 0, ...(await hashFile(join(lakeFolder, path))) });
    }
    return files;
  } catch (error) {
    throw await lakeUnreadable(snapshot, error);
  }
}

async function countFileRows(paths: readonly string[]): Promise<number[]> {
  return withDuckDb({}, async (connection) => {
    const result = await connection.run(
      `SELECT file_name, num_rows::DOUBLE FROM parquet_file_metadata([${paths.map(sqlText).join(', ')}])`,
    );
    const byPath = new Map((await result.getRows()).map(([path, rows]) => [String(path), Number(rows)]));
    return paths.map((path) => byPath.get(path) ?? 0);
  });
}
