import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The event lake is a Hive folder: `dt=YYYY-MM-DD/<file>.parquet`, the day being that of `occurredAt` in UTC. Which of the
 * files belong to it, and up to which offset each log is in it, is said by `_log/` alone. Spark, Trino and DuckDB skip
 * names that begin with an underscore.
 */
export const logFolder = '_log';
export const temporaryFolder = '_tmp';

/** Files that the lake no longer names stay for this long, for readers that opened it before. */
export const graceMsDefault = 3_600_000;

/** A partition of a log; its name in the lake is that of {@link sourceName}. */
export interface LakeSource {
  readonly topic: string;
  readonly partition: number;
}

export function sourceName(source: LakeSource): string {
  return `${source.topic}-${source.partition}`;
}

/**
 * Where a batch's events of one day go. The name follows from the offsets, so whoever writes the batch again writes the
 * same file.
 */
export function partPath(day: string, source: string, range: { readonly from: number; readonly to: number }): string {
  return `dt=${day}/part-${source}-${range.from}-${range.to}.parquet`;
}

/** Where a compaction's or rebuild's events of one day go; `token` names the run. */
export function mergedPath(day: string, token: string): string {
  return `dt=${day}/merged-${token}.parquet`;
}

const dayPattern = /^dt=(\d{4}-\d\d-\d\d)$/;
const partPattern = /\/part-(.+)-(\d+)-(\d+)\.parquet$/;
const mergedPattern = /\/merged-([0-9a-z]+)\.parquet$/;

/** The day of a file of the lake, `YYYY-MM-DD`. */
export function dayOf(path: string): string {
  return path.slice('dt='.length, 'dt=YYYY-MM-DD'.length);
}

/** What the name of a part says of the batch that it came from; `undefined` for other files. */
export function parsePartPath(path: string): { readonly source: string; readonly from: number } | undefined {
  const match = partPattern.exec(path);
  return match === null ? undefined : { source: match[1] as string, from: Number(match[2]) };
}

/** The token of a merged file; `undefined` for other files. */
export function parseMergedPath(path: string): string | undefined {
  return mergedPattern.exec(path)?.[1];
}

/** Every Parquet file that lies in the lake, whether the log names it or not, in order of its path. */
export async function listPlacedFiles(lakeFolder: string): Promise<string[]> {
  const days = (await readNames(lakeFolder)).filter((name) => dayPattern.test(name)).sort();
  const paths: string[] = [];
  for (const day of days) {
    const names = (await readNames(join(lakeFolder, day))).sort();
    paths.push(...names.filter((name) => name.endsWith('.parquet')).map((name) => `${day}/${name}`));
  }
  return paths;
}

/** The names in a folder; none when it is absent. */
export async function readNames(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}
