import { readFile, readlink, rename, rm, symlink } from 'node:fs/promises';

/**
 * Takes a lock for this process and returns what releases it, or who holds it. A lock whose process is gone is taken over.
 * The lock is a symbolic link that names its holder: it comes into being whole, and needs no space on a full disk.
 */
export async function takeFolderLock(
  path: string,
): Promise<{ readonly release: () => Promise<void> } | { readonly heldBy: string }> {
  const own = await describeProcess(process.pid);
  for (;;) {
    try {
      await symlink(own, path);
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readlink(path).catch(() => undefined);
    if (holder === undefined) continue;
    if (await isRunning(holder)) return { heldBy: holder };
    // Moved aside rather than removed: of two processes that find it stale, one moves the lock that the other just took.
    const aside = `${path}.${process.pid}`;
    await rename(path, aside).catch(() => undefined);
    const moved = await readlink(aside).catch(() => undefined);
    if (moved !== undefined && moved !== holder) {
      await rename(aside, path);
      return { heldBy: moved };
    }
    await rm(aside, { force: true });
  }
}

/** Process id and start time: a process that later gets the same id is another one. */
async function describeProcess(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field, the name, may hold spaces and brackets; the start time is the 20th after it.
  const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return `${pid}:${startedAt}`;
}

async function isRunning(holder: string): Promise<boolean> {
  const pid = Number(holder.split(':')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return (await describeProcess(pid)) === holder;
}
