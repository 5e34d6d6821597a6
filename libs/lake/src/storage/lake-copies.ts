import { link, mkdir, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, hashFile, ignoreMissing, mapConcurrently, syncPath } from '@facet/platform';
import type { OpenFiles } from './lake-storage.ts';
import { listPlacedFiles, makeTemporaryFolder, removeAbandonedFolders } from './place-files.ts';
import type { PlacedFile } from './place-files.ts';

const downloadsAtATime = 4;
const checksAtATime = 4;

/**
 * Local copies of data files, in a folder that the processes of a machine share:
 * ```
 * <folder>/dt=…/<file>.parquet               complete copies; the time of change is the last use
 * <folder>/_tmp/<process>/dt=…/<file>.parquet   links to the copies that a process reads
 * ```
 * Only files with a recorded hash have copies. Each read checks the hashes of its copies, and downloads damaged ones again.
 * Eviction deletes a copy, but not the links of running reads.
 *
 * @param options.bytesMax The space of the copies, without those that are evicted during a read. Also the largest read.
 */
export function createLakeCopies({ folder, bytesMax }: { readonly folder: string; readonly bytesMax: number }) {
  /**
   * Makes files readable below a folder. `download` writes a file to a new path.
   *
   * @throws AppError `EVENTS_LAKE_COPIES_FULL`; the errors of `download`; Error for a file with another content than the log says.
   */
  async function openCopies(
    files: readonly PlacedFile[],
    download: (file: PlacedFile, path: string) => Promise<void>,
  ): Promise<OpenFiles> {
    const neededBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
    if (neededBytes > bytesMax) throw full(neededBytes);
    await removeAbandonedFolders(folder);
    const opened = await makeTemporaryFolder(folder);
    try {
      for (const day of new Set(files.map(({ path }) => dirname(path)))) {
        await mkdir(join(opened.path, day), { recursive: true });
        await mkdir(join(folder, day), { recursive: true });
      }
      const linked = await mapConcurrently(files, checksAtATime, (file) => linkCopy(file, opened.path));
      const missing = files.filter((_, index) => !linked[index]);
      const missingBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0);
      if (missing.length > 0) await makeRoom(files, missingBytes);
      await mapConcurrently(missing, downloadsAtATime, async (file) => {
        const path = join(opened.path, file.path);
        await download(file, path);
        await checkContent(file, path);
        if (file.sha256 !== undefined) await keepCopy(path, join(folder, file.path));
      });
      return { folder: opened.path, close: opened.remove };
    } catch (error) {
      await opened.remove();
      throw error;
    }
  }

  /** Links the copy of a file below `target`. Returns false if there is none, or if it was damaged. */
  async function linkCopy({ path, sha256 }: PlacedFile, target: string): Promise<boolean> {
    // A later read could not recognize damage of the copy.
    if (sha256 === undefined) return false;
    const linked = join(target, path);
    const isLinked = await link(join(folder, path), linked).then(() => true, ignoreMissing(false));
    if (!isLinked) return false;
    if ((await hashFile(linked)).sha256 !== sha256) {
      await rm(linked);
      await rm(join(folder, path), { force: true });
      return false;
    }
    await utimes(linked, new Date(), new Date()).catch(() => undefined);
    return true;
  }

  /** Deletes the copies that were not used for the longest time, until `files` fit. */
  async function makeRoom(files: readonly PlacedFile[], missingBytes: number): Promise<void> {
    const needed = new Set(files.map(({ path }) => path));
    const copies = await Promise.all(
      (await listPlacedFiles(folder)).map(async (path) => {
        const { size, mtimeMs } = await stat(join(folder, path)).catch(() => ({ size: 0, mtimeMs: 0 }));
        return { path, bytes: size, usedAt: mtimeMs };
      }),
    );
    let usedBytes = missingBytes + copies.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { path, bytes } of copies.sort((a, b) => a.usedAt - b.usedAt)) {
      if (usedBytes <= bytesMax) return;
      if (needed.has(path)) continue;
      await rm(join(folder, path), { force: true });
      usedBytes -= bytes;
    }
  }

  function full(neededBytes: number): AppError {
    return new AppError(
      `Reading the lake needs local copies of ${neededBytes} bytes in ${folder}, but cacheBytesMax is ${bytesMax}.`,
      {
        code: 'EVENTS_LAKE_COPIES_FULL',
        category: 'unavailable',
        remedy:
          `Set cacheBytesMax in lake/s3.yaml to ${neededBytes} or more. Then restart the app or repeat the command. Leave room for the ` +
          'growth of the lake: filling profiles, erasing users and verifying read all of it. A dataset can read a shorter period instead.',
        context: { folder, bytesMax, neededBytes },
      },
    );
  }

  /** Deletes the copies of other files than the current ones. */
  async function drop(isCurrent: (path: string) => boolean): Promise<void> {
    const days = new Set<string>();
    for (const path of await listPlacedFiles(folder)) {
      if (isCurrent(path)) continue;
      await rm(join(folder, path), { force: true });
      days.add(dirname(path));
    }
    // A folder with other copies stays.
    for (const day of days) await rmdir(join(folder, day)).catch(() => undefined);
  }

  return { open: openCopies, drop };
}

async function checkContent({ path, sha256 }: PlacedFile, copy: string): Promise<void> {
  // Homes that were moved to S3 have files without a hash. The download has checked their size.
  if (sha256 === undefined || (await hashFile(copy)).sha256 === sha256) return;
  throw new Error(`${path} has another content than its writer has recorded`);
}

/** Makes a downloaded file a copy that other reads use. */
async function keepCopy(downloaded: string, copy: string): Promise<void> {
  // Otherwise a crash of the machine could leave the copy with other content.
  await syncPath(downloaded);
  await link(downloaded, copy).catch((error: NodeJS.ErrnoException) => {
    // Another process has downloaded the file, too, or has deleted the empty folder.
    if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
  });
}
