import { randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { lstat, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from './errors.ts';
import { listNames } from './files.ts';
import { dayMs } from './time.ts';

/** Returns whether a process of this machine runs. */
export function isProcessRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process runs as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** An exclusive lock on a folder. */
export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Locks a folder for this process, or returns the process that holds the lock. The lock of a dead process is taken over. The
 * lock works between processes of one machine that see each other's process ids, but not across containers.
 *
 * A lock is a symbolic link that names its holder. It is created atomically and needs no space on a full disk. When two
 * processes take over a stale lock at the same time, neither may delete the new lock of the other. The stale lock therefore
 * stays until one of them has created its successor, the link with the next number.
 *
 * @throws AppError `FOLDER_NOT_LOCKABLE`.
 */
export async function takeFolderLock(folder: string): Promise<FolderLock | { readonly heldBy: number }> {
  const own = [...(await describeProcess(process.pid)), randomUUID()].join(' ');
  for (;;) {
    const numbers = await listLocks(folder);
    const last = numbers.at(-1) ?? 0;
    const holder = last === 0 ? undefined : await readHolder(folder, last);
    if (last > 0 && holder === undefined) continue;
    if (holder !== undefined && (await isRunning(holder))) return { heldBy: Number(holder.split(' ')[0]) };
    const number = last + 1;
    if (!(await makeLock(folder, number, own))) continue;
    if (await isSuccessor(folder, number, holder)) {
      // Oldest first: a process that still reads an old lock then finds it deleted, or its successor created.
      for (const older of numbers) await rm(pathOf(folder, older), { force: true });
      return { release: () => rm(pathOf(folder, number), { force: true }) };
    }
    await rm(pathOf(folder, number), { force: true });
  }
}

const retryMs = 20;

/** Locks a folder as {@link takeFolderLock}. If another process holds the lock, waits for it, but not longer than `waitMs`. */
export async function waitForFolderLock(
  folder: string,
  waitMs: number,
): Promise<FolderLock | { readonly heldBy: number }> {
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    const lock = await takeFolderLock(folder);
    if ('release' in lock || waitedMs >= waitMs) return lock;
    await sleep(retryMs);
  }
}

/** Returns whether the lock with this number is the last one and follows the stale lock. */
async function isSuccessor(folder: string, number: number, predecessor: string | undefined): Promise<boolean> {
  const numbers = await listLocks(folder);
  if (numbers.at(-1) !== number) return false;
  return predecessor === undefined ? numbers.length === 1 : (await readHolder(folder, number - 1)) === predecessor;
}

const namePattern = /^lock\.([1-9]\d{0,14})$/;

function pathOf(folder: string, number: number): string {
  return join(folder, `lock.${number}`);
}

async function listLocks(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .flatMap((name) => namePattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

async function readHolder(folder: string, number: number): Promise<string | undefined> {
  return readlink(pathOf(folder, number)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw notLockable(folder, error);
  });
}

/** Returns false when another process has created the lock. */
async function makeLock(folder: string, number: number, holder: string): Promise<boolean> {
  try {
    await symlink(holder, pathOf(folder, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw notLockable(folder, error as Error);
  }
}

function notLockable(folder: string, cause: Error): AppError {
  return new AppError(`${folder} cannot be locked: ${cause.message}.`, {
    code: 'FOLDER_NOT_LOCKABLE',
    category: 'unavailable',
    remedy: 'The folder must be writable, allow symbolic links, and have no other file named lock.NUMBER.',
    context: { folder },
    cause,
  });
}

/** Returns the process id and the start time, because process ids are reused. */
async function describeProcess(pid: number): Promise<readonly [pid: string, startedAt: string]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field, the name, may contain spaces and parentheses. The start time is the 20th field after it.
  return [String(pid), stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''];
}

async function isRunning(holder: string): Promise<boolean> {
  const [pid = '', startedAt] = holder.split(' ');
  return isProcessRunning(Number(pid)) && (await describeProcess(Number(pid)))[1] === startedAt;
}

/** A folder for files that no other process reads. */
interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Age at which a folder of an unknown process counts as left. */
const abandonedMs = 2 * dayMs;

const ownFolders = new Set<string>();

/**
 * Creates a temporary folder. Deletes those of the same purpose that killed processes have left: immediately if it is certain that the process
 * has ended, otherwise two days after the last change.
 *
 * @param purpose part of the folder's name.
 */
export async function createTemporaryFolder(purpose: string): Promise<TemporaryFolder> {
  const start = `facet-${purpose}-`;
  const ofHost = `${start}${processNamespace()}-`;
  for (const name of (await listNames(tmpdir())).filter((one) => one.startsWith(start))) {
    const path = join(tmpdir(), name);
    const [, processId] = name.startsWith(ofHost) ? (/^(\d+)-/.exec(name.slice(ofHost.length)) ?? []) : [];
    const isLeft = processId === undefined ? await isAbandoned(path) : !isOfRunning(Number(processId), path);
    // Another user's folder cannot be deleted.
    if (isLeft) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
  const path = await mkdtemp(join(tmpdir(), `${ofHost}${process.pid}-`));
  ownFolders.add(path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true });
      ownFolders.delete(path);
    },
  };
}

/** Names the namespace of process ids. Only processes of the same namespace can check each other's ids. */
function processNamespace(): string {
  try {
    return `${hostname()}-${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0]}`;
  } catch {
    return hostname();
  }
}

function isOfRunning(processId: number, path: string): boolean {
  // An earlier process of the same number has ended.
  return processId === process.pid ? ownFolders.has(path) : isProcessRunning(processId);
}

async function isAbandoned(path: string): Promise<boolean> {
  const paths = [path, ...(await listNames(path)).map((name) => join(path, name))];
  const changes = await Promise.all(paths.map(async (one) => (await lstat(one).catch(() => undefined))?.mtimeMs ?? 0));
  return Math.max(...changes) < Date.now() - abandonedMs;
}
