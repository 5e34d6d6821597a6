import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '@facet/platform';

/** Locks of this process, so that a lock file with its own id from an earlier life (process 1 of a container) is seen as stale. */
const heldHere = new Set<string>();

/**
 * Takes the lock file at `lockPath` for this process and returns what releases it. A lock whose process is gone is taken over.
 *
 * @throws AppError `EVENTS_LOG_LOCKED` while another process holds it.
 */
export async function takeWriterLock(lockPath: string): Promise<() => Promise<void>> {
  const path = resolve(lockPath);
  for (let attempt = 0; attempt < 2; attempt++) {
    // Linked into place with its content: a lock is never seen without its holder.
    const own = `${path}.${process.pid}`;
    await writeFile(own, `${process.pid}\n`);
    try {
      await link(own, path);
      heldHere.add(path);
      return async () => {
        heldHere.delete(path);
        await rm(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(own, { force: true });
    }
    const holder = Number((await readFile(path, 'utf8').catch(() => '')).trim());
    if (isRunning(path, holder)) {
      throw new AppError(`The event log is being written by process ${holder} (${path}).`, {
        code: 'EVENTS_LOG_LOCKED',
        remedy: 'Wait for it to end, or stop it.',
        context: { path, holder },
        retryable: true,
      });
    }
    await rm(path, { force: true });
  }
  throw new AppError(`The lock ${path} is contended.`, {
    code: 'EVENTS_LOG_LOCKED',
    remedy: 'Start one writer at a time.',
    context: { path },
    retryable: true,
  });
}

function isRunning(path: string, holder: number): boolean {
  if (holder === process.pid) return heldHere.has(path);
  if (!Number.isInteger(holder) || holder <= 0) return false;
  try {
    process.kill(holder, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
