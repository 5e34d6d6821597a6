import { lstat, mkdir, readdir, rename, rm, rmdir, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AppError,
  hourMs,
  ignoreMissing,
  isAppError,
  listNames,
  pathExists,
  syncPath,
  waitForFolderLock,
} from '@facet/platform';
import { corrupt, isId } from '../artifact-errors.ts';
import type { ArtifactRef } from '../artifact-ref.ts';
import {
  hasErrorCode,
  hashFiles,
  clearAbandoned,
  isAbandoned,
  isOwnName,
  ownName,
  stagingPath,
} from '../disk/files.ts';
import type { ManifestFile } from '../manifest.ts';

/** A copy that eviction leaves alone until `release`. */
interface HeldCopy {
  readonly folder: string;
  release(): Promise<void>;
}

interface ArtifactCopiesOptions {
  readonly folder: string;
  /** In `folder`, because files are moved from there to the copies. */
  readonly stagingFolder: string;
  /** The space that the copies and the staging folder may use. */
  readonly bytesMax: number;
}

/** Writes a file of the artifact into an existing file of its size. Returns false if the store does not have it. */
type Fetch<File> = (file: File, path: string) => Promise<boolean>;

/** An eviction of another host that makes no progress for this long has ended. */
const evictionMs = 60_000;
const pollMs = 20;
/** A hold of another host that was not renewed for this long belongs to an ended process. */
const holdMs = 3 * hourMs;
/** After this time, a process downloads a file that another process is downloading, too. */
const downloadWaitMs = hourMs;

/**
 * Local copies of artifacts in a folder that the processes of a machine share:
 * ```
 * <folder>/<kind>/<id>/files/…       files of the artifact, each complete or absent; its time of change is the last use
 * <folder>/<kind>/<id>/holds/…       one file for each open copy of a process
 * <folder>/<kind>/<id>/evictions/…   one file for each process that is removing the copy
 * ```
 * A process writes its hold before it looks for evictions, and its eviction before it looks for holds. One of two processes
 * therefore sees the other.
 */
export function createArtifactCopies({ folder: root, stagingFolder, bytesMax }: ArtifactCopiesOptions) {
  /** Its time of change is the last comparison of all copies with the store. */
  const markFile = join(root, 'refreshed');
  const copyOf = ({ kind, id }: ArtifactRef): string => join(root, kind, id);
  /** The last load of each copy. Loads of one process do not download the same file twice. */
  const loading = new Map<string, Promise<unknown>>();

  async function hold(ref: ArtifactRef, { isUse = true } = {}): Promise<HeldCopy> {
    const copy = copyOf(ref);
    const own = join(copy, 'holds', ownName());
    const folder = join(copy, 'files');
    await createMark(own);
    while (await hasLive(join(copy, 'evictions'), evictionMs)) await sleep(pollMs);
    await mkdir(folder, { recursive: true });
    const now = new Date();
    if (isUse) await utimes(folder, now, now).catch(() => undefined);
    return { folder, release: () => rm(own, { force: true }) };
  }

  /**
   * Makes the files of a held copy equal to those of the store: downloads missing, damaged and outdated ones.
   *
   * @throws AppError `ARTIFACT_CORRUPT` if the store does not have a file or has other content; `ARTIFACT_COPIES_FULL`.
   */
  async function load<File extends ManifestFile>(
    ref: ArtifactRef,
    files: readonly File[],
    fetch: Fetch<File>,
  ): Promise<void> {
    const copy = copyOf(ref);
    const before = loading.get(copy) ?? Promise.resolve();
    const load = before.catch(() => undefined).then(() => loadFiles(ref, files, fetch));
    loading.set(copy, load);
    try {
      await load;
    } finally {
      if (loading.get(copy) === load) loading.delete(copy);
    }
  }

  async function loadFiles<File extends ManifestFile>(
    ref: ArtifactRef,
    files: readonly File[],
    fetch: Fetch<File>,
  ): Promise<void> {
    const folder = join(copyOf(ref), 'files');
    if ((await findDiffering(folder, files)).length === 0) return;
    // Another process of this machine may be downloading the same files.
    const lock = await waitForFolderLock(copyOf(ref), downloadWaitMs);
    const staged = await stagingPath(stagingFolder);
    try {
      const missing = await findDiffering(folder, files);
      await mkdir(staged);
      const paths = missing.map((_, position) => join(staged, String(position)));
      // Files of the final size reserve the space, so that concurrent downloads count each other.
      for (const [position, path] of paths.entries()) {
        await writeFile(path, '');
        await truncate(path, missing[position]!.bytes);
      }
      await makeRoom(missing.reduce((sum, { bytes }) => sum + bytes, 0));
      for (const [position, file] of missing.entries()) {
        if (!(await fetch(file, paths[position]!))) throw corrupt(ref, file.path, 'is missing');
      }
      const hashes = await hashFiles(missing.map(({ bytes }, position) => ({ path: paths[position]!, bytes })));
      for (const [position, { path, sha256 }] of missing.entries()) {
        if (hashes[position] !== sha256) throw corrupt(ref, path, 'has been altered');
      }
      for (const [position, { path }] of missing.entries()) await place(paths[position]!, join(folder, path));
    } finally {
      await rm(staged, { recursive: true, force: true });
      if ('release' in lock) await lock.release();
    }
  }

  /** Makes those of the files equal to the store's that the copy contains. Does not count as a use of the copy. */
  async function update<File extends ManifestFile>(
    ref: ArtifactRef,
    files: readonly File[],
    fetch: Fetch<File>,
  ): Promise<void> {
    if (files.length === 0) return;
    const held = await hold(ref, { isUse: false });
    try {
      const present = await Promise.all(files.map(({ path }) => pathExists(join(held.folder, path))));
      const copied = files.filter((_, position) => present[position]);
      await load(ref, copied, fetch).catch(async (error: unknown) => {
        // Without room for both contents, or without the new one, the outdated one must not stay.
        for (const { path } of await findDiffering(held.folder, copied)) {
          await rm(join(held.folder, path), { force: true });
        }
        if (!isAppError(error, 'ARTIFACT_COPIES_FULL')) throw error;
      });
    } finally {
      await held.release();
    }
  }

  /** Replaces a file of a held copy. */
  async function replace(ref: ArtifactRef, path: string, staged: string): Promise<void> {
    await place(staged, join(copyOf(ref), 'files', path));
  }

  /** Uses the staged files of a new artifact as its copy, if there is none and they fit. */
  async function adopt(ref: ArtifactRef, staged: string): Promise<void> {
    const held = await hold(ref);
    try {
      await makeRoom(0);
      await rename(staged, held.folder);
    } catch (error) {
      const isExpected = error instanceof AppError || hasErrorCode(error, 'ENOTEMPTY', 'EEXIST');
      if (!isExpected) throw error;
    } finally {
      await held.release();
    }
  }

  /**
   * Evicts copies, the least recently used first, until all fit into the space.
   *
   * @throws AppError `ARTIFACT_COPIES_FULL`.
   */
  async function makeRoom(neededBytes: number): Promise<void> {
    await clearAbandoned(stagingFolder);
    if ((await usedBytes()) <= bytesMax) return;
    const free: { readonly ref: ArtifactRef; readonly usedAt: number; readonly bytes: number }[] = [];
    for (const ref of await list()) {
      if (await hasLive(join(copyOf(ref), 'holds'), holdMs)) continue;
      const { mtimeMs: usedAt } = await stat(join(copyOf(ref), 'files')).catch(() => ({ mtimeMs: 0 }));
      free.push({ ref, usedAt, bytes: await sizeOf(copyOf(ref)) });
    }
    free.sort((a, b) => a.usedAt - b.usedAt);
    // Otherwise a file that can never fit would evict all copies.
    const freeBytes = free.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { ref } of (await usedBytes()) - freeBytes <= bytesMax ? free : []) {
      await evict(ref);
      if ((await usedBytes()) <= bytesMax) return;
    }
    throw new AppError(
      `The local copies of artifacts in ${root} need more than ${bytesMax} bytes: ${neededBytes} bytes are missing, and the others are in use.`,
      {
        code: 'ARTIFACT_COPIES_FULL',
        category: 'unavailable',
        remedy: 'Raise cacheBytesMax in s3.yaml.',
        retryable: true,
        context: { folder: root, bytesMax, neededBytes },
      },
    );
  }

  const usedBytes = (): Promise<number> => sizeOf(root);

  /** Removes a copy that no process holds. Returns whether it did. */
  async function evict(ref: ArtifactRef): Promise<boolean> {
    const copy = copyOf(ref);
    const own = join(copy, 'evictions', ownName());
    await createMark(own);
    const removed = await stagingPath(stagingFolder);
    try {
      if (await hasLive(join(copy, 'holds'), holdMs)) return false;
      await rename(join(copy, 'files'), removed).catch(ignoreMissing(undefined));
      // Only a process with a hold locks the copy, so these locks belong to killed ones.
      for (const name of await listNames(copy)) {
        if (name.startsWith('lock.')) await rm(join(copy, name), { force: true });
      }
    } finally {
      await rm(own, { force: true });
    }
    await rm(removed, { recursive: true, force: true });
    // A process that holds the copy in the meantime keeps the folders.
    for (const name of ['holds', 'evictions', '']) await rmdir(join(copy, name)).catch(() => undefined);
    return true;
  }

  async function list(): Promise<ArtifactRef[]> {
    const refs: ArtifactRef[] = [];
    for (const kind of await listNames(root)) {
      for (const id of await listNames(join(root, kind))) if (isId(id)) refs.push({ kind, id });
    }
    return refs;
  }

  /**
   * Renews the holds of this process, so that other hosts keep the copies. Returns whether no process has compared the copies with the
   * store for a time.
   */
  async function isRefreshDue(everyMs: number): Promise<boolean> {
    await clearAbandoned(stagingFolder);
    const now = new Date();
    for (const ref of await list()) {
      const holds = join(copyOf(ref), 'holds');
      for (const name of await listNames(holds)) {
        if (isOwnName(name)) await utimes(join(holds, name), now, now).catch(() => undefined);
      }
    }
    const { mtimeMs } = await stat(markFile).catch(() => ({ mtimeMs: 0 }));
    return Date.now() - mtimeMs > everyMs;
  }

  async function markRefreshed(): Promise<void> {
    if (await pathExists(root)) await writeFile(markFile, '');
  }

  return { hold, load, update, replace, adopt, evict, list, isRefreshDue, markRefreshed };
}

/** Returns the files that are missing in the folder or differ. */
async function findDiffering<File extends ManifestFile>(folder: string, files: readonly File[]): Promise<File[]> {
  const sizes = await Promise.all(
    files.map(async ({ path }) => {
      const found = await lstat(join(folder, path)).catch(() => undefined);
      return found?.isFile() === true ? found.size : undefined;
    }),
  );
  const present = files.filter(({ bytes }, position) => sizes[position] === bytes);
  const hashes = await hashFiles(present.map(({ path, bytes }) => ({ path: join(folder, path), bytes })));
  const equal = new Set(present.filter(({ sha256 }, position) => sha256 === hashes[position]));
  return files.filter((file) => !equal.has(file));
}

/** Moves a staged file to its place. Readers see the file before or after it. */
async function place(staged: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  // A damaged copy may have a folder there.
  if ((await lstat(target).catch(() => undefined))?.isDirectory()) await rm(target, { recursive: true, force: true });
  // Otherwise a crash of the machine could leave the name with other content, which the next load would download again.
  await syncPath(staged);
  await rename(staged, target);
}

/** Returns whether a folder has a file of a running process. Removes those of ended processes. */
async function hasLive(folder: string, afterMs?: number): Promise<boolean> {
  let isLive = false;
  for (const name of await listNames(folder)) {
    const path = join(folder, name);
    if (await isAbandoned(path, name, afterMs)) await rm(path, { force: true });
    else isLive = true;
  }
  return isLive;
}

/** Creates an empty file in a folder that another process may be removing. */
async function createMark(path: string): Promise<void> {
  for (let isCreated = false; !isCreated;) {
    await mkdir(dirname(path), { recursive: true });
    isCreated = await writeFile(path, '').then(() => true, ignoreMissing(false));
  }
}

/** Returns the bytes of all files below a folder. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? sizeOf(path) : ((await lstat(path).catch(() => undefined))?.size ?? 0);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
