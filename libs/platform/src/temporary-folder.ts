import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { listNames } from './read-if-exists.ts';

/** A folder for files that no other process reads. */
interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Creates a temporary folder. Deletes those of the same purpose that killed processes of this host have left.
 *
 * @param purpose the second word of its name.
 */
export async function createTemporaryFolder(purpose: string): Promise<TemporaryFolder> {
  // With the host: containers may share the folder of temporary files, but not the numbers of their processes.
  const start = `facet-${purpose}-${hostname()}-`;
  const left = (await listNames(tmpdir())).filter((name) => {
    const [, processId] = name.startsWith(start) ? (/^(\d+)-/.exec(name.slice(start.length)) ?? []) : [];
    return processId !== undefined && !isRunning(Number(processId));
  });
  // Another user's folder cannot be deleted.
  await Promise.allSettled(left.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
  const path = await mkdtemp(join(tmpdir(), `${start}${process.pid}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
