import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import {
  hashFile,
  hourMs,
  ignoreMissing,
  isProcessRunning,
  listNames,
  mapConcurrently,
  minuteMs,
  syncPath,
} from '@facet/platform';
import { hashedPartPath, temporaryFolder } from '../layout.ts';
import { lakeLogErrors } from '../transaction-log/errors.ts';

/** Files synced in parallel. */
const syncConcurrency = 16;
const statConcurrency = 16;
/** Age at which the temporary folder of a process on another host counts as abandoned. */
export const abandonedAfterMs = hourMs;
/** More often than other processes delete temporary folders that have not changed. */
export const touchEveryMs = 5 * minuteMs;

/** A file in a temporary folder and its destination in the lake. */
export interface WrittenFile {
  readonly written: string;
  /** Relative to the lake folder. */
  readonly path: string;
}

/** A file in the lake. */
export interface PlacedFile {
  readonly path: string;
  readonly bytes: number;
  /** In hex. Absent if the storage has not computed it. */
  readonly sha256?: string;
}

/** Returns whether a name in the lake folder is that of a day. */
export function isDayFolder(name: string): boolean {
  return /^dt=\d{4}-\d\d-\d\d$/.test(name);
}

/** Returns whether a path below the lake is that of a data file. */
export function isDayFile(path: string): boolean {
  return /^dt=\d{4}-\d\d-\d\d\/[^/]+\.parquet$/.test(path);
}

/**
 * Lists every Parquet file in the lake folder by path, whether or not the transaction log names it.
 *
 * @throws AppError `EVENTS_LAKE_DAMAGED`, `EVENTS_LAKE_UNREADABLE`
 */
export async function listPlacedFiles(lakeFolder: string): Promise<string[]> {
  const namesIn = (folder: string): Promise<string[]> => lakeLogErrors.reading(folder, listNames(folder));
  const days = (await namesIn(lakeFolder)).filter(isDayFolder).sort();
  const paths: string[] = [];
  for (const day of days) {
    const names = (await namesIn(join(lakeFolder, day))).sort();
    paths.push(...names.filter((name) => name.endsWith('.parquet')).map((name) => `${day}/${name}`));
  }
  return paths;
}

/** Returns the size of each Parquet file in the lake folder by path. @throws AppError as {@link listPlacedFiles} */
export async function sizesOfPlacedFiles(lakeFolder: string): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  await mapConcurrently(await listPlacedFiles(lakeFolder), statConcurrency, async (path) => {
    // A compaction may delete the file meanwhile.
    const found = await lakeLogErrors.reading(path, stat(join(lakeFolder, path)).catch(ignoreMissing(undefined)));
    if (found !== undefined) sizes.set(path, found.size);
  });
  return sizes;
}

/** Lists the Parquet files in the temporary folders of all processes by path. */
export async function listTemporaryFiles(lakeFolder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const folder of await listNames(join(lakeFolder, temporaryFolder))) {
    // The process may delete the folder meanwhile.
    const listing = readdir(join(lakeFolder, temporaryFolder, folder), { recursive: true });
    const names = (await listing.catch(ignoreMissing([]))).filter((name) => name.endsWith('.parquet'));
    paths.push(...names.map((name) => join(temporaryFolder, folder, name)));
  }
  return paths;
}

/**
 * Syncs the files and links them into the lake, where readers ignore them until a transaction names them. Never replaces a file: another
 * process may have committed it while this one was suspended.
 */
export async function placeFiles(lakeFolder: string, files: readonly WrittenFile[]): Promise<PlacedFile[]> {
  const placed = await mapConcurrently(files, syncConcurrency, async ({ written, path }) => {
    const file = await open(written, 'r+');
    try {
      await file.datasync();
      await mkdir(join(lakeFolder, dirname(path)), { recursive: true });
      const { size: bytes } = await file.stat();
      if (await linkFile(written, join(lakeFolder, path))) return { path, bytes };
      const hashed = hashedPartPath(path, (await hashFile(written)).sha256);
      if (hashed === path) throw new Error(`${path} already exists`);
      // A file with this path has the same content.
      await linkFile(written, join(lakeFolder, hashed));
      return { path: hashed, bytes };
    } finally {
      await file.close();
    }
  });
  for (const day of new Set(files.map(({ path }) => dirname(path)))) await syncPath(join(lakeFolder, day));
  await syncPath(lakeFolder);
  return placed;
}

/** Returns false if the path exists. */
async function linkFile(written: string, path: string): Promise<boolean> {
  return link(written, path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      return false;
    },
  );
}

/** Creates a temporary folder for the files of one transaction or read. Other processes do not delete it while this process runs. */
export async function makeTemporaryFolder(
  lakeFolder: string,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = join(lakeFolder, temporaryFolder, `${hostname()}.${process.pid}.${randomUUID()}`);
  await mkdir(path, { recursive: true });
  const touch = (): void => void utimes(path, new Date(), new Date()).catch(() => undefined);
  const touching = setInterval(touch, touchEveryMs).unref();
  return {
    path,
    async remove() {
      clearInterval(touching);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Removes the temporary folders of processes that have ended. */
export async function removeAbandonedFolders(lakeFolder: string): Promise<void> {
  for (const name of await listNames(join(lakeFolder, temporaryFolder))) {
    const path = join(lakeFolder, temporaryFolder, name);
    const [host = '', pid = ''] = name.split(/\.(\d+)\.[0-9a-f-]+$/);
    const since = await stat(path).catch(() => undefined);
    if (since === undefined) continue;
    const isAbandoned =
      since.mtimeMs < Date.now() - abandonedAfterMs ||
      (host === hostname() && !isSameProcessRunning(Number(pid), since.mtimeMs));
    if (isAbandoned) await rm(path, { recursive: true, force: true });
  }
}

/**
 * Returns whether the process that acted on this host at the given time (epoch milliseconds) still runs. In a container the
 * id may be reused: process 1 of a restarted container differs from the earlier process 1.
 */
export function isSameProcessRunning(pid: number, at: number): boolean {
  return pid === process.pid ? at >= Date.now() - process.uptime() * 1000 : isProcessRunning(pid);
}
