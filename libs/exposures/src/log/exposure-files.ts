import { randomBytes } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { listNames } from '@facet/platform';

/**
 * The exposure log is a folder of JSON Lines files, `dt=YYYY-MM-DD/<host>-<pid>-<random>.jsonl`, by the UTC day of
 * `respondedAt`. The suffix `.open` marks a file that its process is writing; other processes must not replace it.
 */
export const openSuffix = '.open';

/** Age at which a process moves on to a new file, so that others can process the old one. */
export const fileAgeMsMax = 15 * 60_000;

/** Time without writes after which an open file counts as left by a dead process. */
const abandonedAfterMs = 4 * fileAgeMsMax;

/** Suffix of a copy that will replace a file. */
export const temporarySuffix = '.tmp';

/** Returns the name of the folder of a day. */
export function dayFolder(day: string): string {
  return `dt=${day}`;
}

/** Returns a file name that is unique across processes and files. */
export function newFileName(): string {
  const host = hostname().replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return `${host}-${process.pid}-${randomBytes(6).toString('hex')}.jsonl`;
}

/** Lists the days in the log, ascending. */
export async function listDays(folder: string): Promise<string[]> {
  const names = await listNames(folder);
  return names.flatMap((name) => dayPattern.exec(name)?.[1] ?? []).sort();
}

interface ExposureFile {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
  /** Whether a process may be writing to the file. */
  readonly isOpen: boolean;
}

/** Lists the files of a day, oldest first. */
export async function listFiles(folder: string, day: string): Promise<ExposureFile[]> {
  const parent = join(folder, dayFolder(day));
  const names = new Set((await listNames(parent)).flatMap((name) => filePattern.exec(name)?.[1] ?? []));
  const files: ExposureFile[] = [];
  for (const name of names) {
    const closed = join(parent, name);
    // The file may be closed between the first two checks; the third then finds it.
    const found = (await statFile(closed)) ?? (await statFile(`${closed}${openSuffix}`)) ?? (await statFile(closed));
    if (found === undefined) continue;
    const { path, modifiedAt } = found;
    files.push({ path, modifiedAt, isOpen: path !== closed && modifiedAt > Date.now() - abandonedAfterMs });
  }
  return files.sort((a, b) => a.modifiedAt - b.modifiedAt || (a.path < b.path ? -1 : 1));
}

/** Opens a file of the log under its current name; undefined if it has been removed. */
async function openToRead(path: string): Promise<FileHandle | undefined> {
  return (
    (await open(path).catch(ignoreAbsent)) ??
    (path.endsWith(openSuffix) ? open(path.slice(0, -openSuffix.length)).catch(ignoreAbsent) : undefined)
  );
}

/** Returns the paths of unfinished copies of the files of a day. */
export async function listCopies(folder: string, day: string): Promise<string[]> {
  const parent = join(folder, dayFolder(day));
  const names = (await listNames(parent)).filter((name) => name.endsWith(temporarySuffix));
  return names.map((name) => join(parent, name));
}

/** Removes unfinished copies of dead processes. */
export async function removeAbandonedCopies(folder: string, day: string): Promise<void> {
  for (const path of await listCopies(folder, day)) {
    const found = await statFile(path);
    if (found !== undefined && found.modifiedAt < Date.now() - abandonedAfterMs) await rm(path, { force: true });
  }
}

async function statFile(path: string): Promise<{ readonly path: string; readonly modifiedAt: number } | undefined> {
  const found = await stat(path).catch(ignoreAbsent);
  return found === undefined ? undefined : { path, modifiedAt: found.mtimeMs };
}

/** Returns undefined for a path that does not exist, because other processes delete and rename files at any time. */
function ignoreAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

const dayPattern = /^dt=(\d{4}-\d\d-\d\d)$/;
const filePattern = /^(.+\.jsonl)(?:\.open)?$/;

/** Complete lines of a file. */
interface LineBlock {
  readonly lines: readonly string[];
  /** Whether the file ends without a line feed: its process was killed during a write, or is writing now. */
  readonly isTorn: boolean;
}

/**
 * Reads a file of the log in blocks of lines without line feeds; nothing if the file has been removed.
 *
 * @param options.containing Skips blocks without this text, which is much faster than splitting them into lines.
 */
export async function* readLogLines(
  path: string,
  { containing }: { readonly containing?: string } = {},
): AsyncGenerator<LineBlock> {
  const handle = await openToRead(path);
  if (handle === undefined) return;
  let rest = '';
  for await (const text of handle.createReadStream({ encoding: 'utf8', highWaterMark: 256 * 1024 })) {
    const block = rest + (text as string);
    const end = block.lastIndexOf('\n') + 1;
    rest = block.slice(end);
    if (end === 0 || (containing !== undefined && !block.includes(containing))) continue;
    yield { lines: block.slice(0, end - 1).split('\n'), isTorn: false };
  }
  if (rest !== '') yield { lines: [], isTorn: true };
}
