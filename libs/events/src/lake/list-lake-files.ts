import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sqlText, withDuckDb } from '../duckdb.ts';
import type { LakeFile, LakeWindow } from './lake-event.ts';
import { lakeDamaged } from './lake-damaged.ts';
import { listCommittedParts } from './lake-layout.ts';

/** The files that {@link readLake} would open for the window, in order of their path, with size, hash and rows. @throws AppError `EVENTS_LAKE_DAMAGED`. */
export async function listLakeFiles(lakeFolder: string, window: LakeWindow = {}): Promise<LakeFile[]> {
  const parts = await listCommittedParts(lakeFolder, window);
  if (parts.length === 0) return [];
  const rows = await countRows(parts.map((part) => join(lakeFolder, part.path))).catch((error: unknown) => {
    throw lakeDamaged(lakeFolder, error);
  });
  const files: LakeFile[] = [];
  for (const [index, part] of parts.entries()) {
    const path = join(lakeFolder, part.path);
    files.push({
      path: part.path,
      bytes: (await stat(path)).size,
      rows: rows[index] ?? 0,
      sha256: await sha256File(path),
    });
  }
  return files;
}

/** SHA-256 of a file in hex. */
export async function sha256File(path: string): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), digest);
  return digest.digest('hex');
}

async function countRows(paths: readonly string[]): Promise<number[]> {
  return withDuckDb({}, async (connection) => {
    const result = await connection.run(
      `SELECT file_name, num_rows::DOUBLE FROM parquet_file_metadata([${paths.map(sqlText).join(', ')}])`,
    );
    const byPath = new Map((await result.getRows()).map(([path, rows]) => [String(path), Number(rows)]));
    return paths.map((path) => byPath.get(path) ?? 0);
  });
}
