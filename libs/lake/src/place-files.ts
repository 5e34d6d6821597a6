import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { syncPath } from '@facet/platform';
import { readNames, temporaryFolder } from './lake-layout.ts';
import { isRunning } from './process-owner.ts';

/** Files made durable at a time. */
const syncConcurrency = 16;
/** Files that are being written in a folder whose process cannot be asked for are not touched for longer than this. */
const abandonedAfterMs = 3_600_000;

/** A file that was written in a temporary folder, and where in the lake it belongs. */
export interface WrittenFile {
  readonly written: string;
  /** Relative to the lake folder. */
  readonly path: string;
}

/**
 * Makes the files durable and moves them into the lake. No record names them yet, so no reader sees them. Gives back the
 * bytes of each, in order.
 */
export async function placeFiles(lakeFolder: string, files: readonly WrittenFile[]): Promise<number[]> {
  const bytes: number[] = [];
  const queue = [...files.entries()];
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const [index, { written, path }] = next;
      const file = await open(written, 'r+');
      try {
        await file.datasync();
        bytes[index] = (await file.stat()).size;
      } finally {
        await file.close();
      }
      await mkdir(join(lakeFolder, dirname(path)), { recursive: true });
      await rename(written, join(lakeFolder, path));
    }
  };
  await Promise.all(Array.from({ length: syncConcurrency }, work));
  for (const day of new Set(files.map(({ path }) => dirname(path)))) await syncPath(join(lakeFolder, day));
  await syncPath(lakeFolder);
  return bytes;
}

/** A folder for one transaction's files, with `remove()` for when it is done or has failed. */
export async function makeTemporaryFolder(
  lakeFolder: string,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = join(lakeFolder, temporaryFolder, `${hostname()}.${process.pid}.${randomUUID()}`);
  await mkdir(path, { recursive: true });
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Removes the temporary folders of processes that have ended. */
export async function removeAbandonedFolders(lakeFolder: string): Promise<void> {
  for (const name of await readNames(join(lakeFolder, temporaryFolder))) {
    const path = join(lakeFolder, temporaryFolder, name);
    const [host = '', pid = ''] = name.split(/\.(\d+)\.[0-9a-f-]+$/);
    const since = await stat(path).catch(() => undefined);
    if (since === undefined) continue;
    const isAbandoned =
      since.mtimeMs < Date.now() - abandonedAfterMs || (host === hostname() && !isRunning(Number(pid), since.mtimeMs));
    if (isAbandoned) await rm(path, { recursive: true, force: true });
  }
}
