import { readlinkSync } from 'node:fs';
import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isProcessRunning } from './is-process-running.ts';
import { listNames } from './read-if-exists.ts';
import { dayMs } from './time.ts';

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
