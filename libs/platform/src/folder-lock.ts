import { randomUUID } from 'node:crypto';
import { readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/** The sole right to a folder. */
export interface FolderLock {
  /** Lets others have it. */
  release(): Promise<void>;
}

/**
 * Makes this process the only holder of a folder, or says which process holds it. The lock of a process that is gone is
 * taken over. It binds processes of one machine that see each other: not those of two containers.
 *
 * A lock is a symbolic link that names its holder, so it comes into being whole and needs no room on a full disk. Of two
 * that take over a stale lock at once, neither may remove the one that the other has just made. So it stays where it is
 * until its successor, the link with the next number, has been made by one of them.
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
      // The oldest first: whoever still believes in one of them is to find it gone, or its successor taken.
      for (const older of numbers) await rm(pathOf(folder, older), { force: true });
      return { release: () => rm(pathOf(folder, number), { force: true }) };
    }
    await rm(pathOf(folder, number), { force: true });
  }
}

/** Whether the lock of this number is the last one, and still follows the one that was found stale. */
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
  return readlink(pathOf(folder, number)).catch(() => undefined);
}

/** False when somebody else has made it. */
async function makeLock(folder: string, number: number, holder: string): Promise<boolean> {
  try {
    await symlink(holder, pathOf(folder, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Process id and start time: a process that later gets the same id is another one. */
async function describeProcess(pid: number): Promise<readonly [pid: string, startedAt: string]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field, the name, may hold spaces and brackets; the start time is the 20th after it.
  return [String(pid), stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''];
}

async function isRunning(holder: string): Promise<boolean> {
  const [id = '', startedAt] = holder.split(' ');
  const pid = Number(id);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return (await describeProcess(pid))[1] === startedAt;
}
