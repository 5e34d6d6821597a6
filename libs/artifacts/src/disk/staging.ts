import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createFolder, isProcessRunning, listNames } from '@facet/platform';

/** A staged folder of another host counts as abandoned after a day without changes. */
const abandonedAfterMs = 24 * 3600 * 1000;

/**
 * Distinguishes this process from an earlier one with the same host name and process id, as in restarted containers.
 */
const processToken = randomUUID();

/** Returns a new name that contains host, process id, process token and a random part. */
export function ownName(): string {
  return [encodeURIComponent(hostname()), process.pid, processToken, randomUUID()].join('~');
}

/** Returns whether {@link ownName} of this process returned a name. */
export function isOwnName(name: string): boolean {
  return name.split('~')[2] === processToken;
}

/** Returns a new path in the staging folder, with a name of {@link ownName}. */
export async function stagingPath(stagingFolder: string): Promise<string> {
  await createFolder(stagingFolder);
  return join(stagingFolder, ownName());
}

/** Removes what crashed writers left in the staging folder. Files of running writers stay. */
export async function clearAbandoned(stagingFolder: string): Promise<void> {
  for (const name of await listNames(stagingFolder)) {
    const path = join(stagingFolder, name);
    if (await isAbandoned(path, name)) await rm(path, { recursive: true, force: true });
  }
}

/**
 * Returns whether the process that created a file with a name of {@link ownName} has ended. One of another host counts as ended after a
 * time without changes of the file, a day by default.
 */
export async function isAbandoned(path: string, name: string, afterMs = abandonedAfterMs): Promise<boolean> {
  const [host, pid, token] = name.split('~');
  if (host === encodeURIComponent(hostname())) {
    return Number(pid) === process.pid ? token !== processToken : !isProcessRunning(Number(pid));
  }
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
  return Date.now() - mtimeMs > afterMs;
}
