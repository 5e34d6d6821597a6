import { randomBytes } from 'node:crypto';
import { open, readdir, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/**
 * The exposure log is a folder of JSON Lines: `dt=YYYY-MM-DD/<host>-<pid>-<random>.jsonl`, the day being that of `answeredAt` in
 * UTC. While its process writes to a file, `.open` follows the name; nobody else may then replace it.
 */
export const openSuffix = '.open';

/** A process leaves a file after this time, so that the file is closed soon for others. */
export const fileAgeMsMax = 15 * 60_000;

/** An open file that nobody has written to for so long was left by a process that died. */
export const abandonedAfterMs = 4 * fileAgeMsMax;

/** Follows the name of a copy that is to replace a file. */
export const temporarySuffix = '.tmp';

/** Of a folder of the log. */
export function dayFolder(day: string): string {
  return `dt=${day}`;
}

/** A name that no other process and no other file of this one has. */
export function newFileName(): string {
  const host = hostname().replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return `${host}-${process.pid}-${randomBytes(6).toString('hex')}.jsonl`;
}

/** The days that the log has, ascending. */
export async function listDays(folder: string): Promise<string[]> {
  const names = await namesIn(folder);
  return names.flatMap((name) => dayPattern.exec(name)?.[1] ?? []).sort();
}

export interface ExposureFile {
  readonly path: string;
  readonly day: string;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
  /** Whether a process may be writing to it at the given time. */
  readonly isOpen: boolean;
}

/** The files of a day, the oldest first. */
export async function listFiles(folder: string, day: string, now: number): Promise<ExposureFile[]> {
  const parent = join(folder, dayFolder(day));
  const names = new Set((await namesIn(parent)).flatMap((name) => filePattern.exec(name)?.[1] ?? []));
  const files: ExposureFile[] = [];
  for (const name of names) {
    const closed = join(parent, name);
    // It may be closed between the two looks: then the third finds it.
    const found = (await look(closed)) ?? (await look(`${closed}${openSuffix}`)) ?? (await look(closed));
    if (found === undefined) continue;
    const { path, modifiedAt } = found;
    files.push({ path, day, modifiedAt, isOpen: path !== closed && modifiedAt > now - abandonedAfterMs });
  }
  return files.sort((a, b) => a.modifiedAt - b.modifiedAt || (a.path < b.path ? -1 : 1));
}

/** Opens a file of the log to read it, under the name that it has by now; undefined when it is gone. */
export async function openToRead(path: string): Promise<FileHandle | undefined> {
  return (
    (await open(path).catch(ignoreAbsent)) ??
    (path.endsWith(openSuffix) ? open(path.slice(0, -openSuffix.length)).catch(ignoreAbsent) : undefined)
  );
}

/** Removes copies whose maker died. */
export async function removeAbandonedCopies(folder: string, day: string): Promise<void> {
  const parent = join(folder, dayFolder(day));
  for (const name of await namesIn(parent)) {
    if (!name.endsWith(temporarySuffix)) continue;
    const found = await look(join(parent, name));
    if (found !== undefined && found.modifiedAt < Date.now() - abandonedAfterMs) await rm(found.path, { force: true });
  }
}

async function look(path: string): Promise<{ readonly path: string; readonly modifiedAt: number } | undefined> {
  const found = await stat(path).catch(ignoreAbsent);
  return found === undefined ? undefined : { path, modifiedAt: found.mtimeMs };
}

/** For what another process may delete or rename at any time. */
export function ignoreAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

const dayPattern = /^dt=(\d{4}-\d\d-\d\d)$/;
const filePattern = /^(.+\.jsonl)(?:\.open)?$/;

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(ignoreAbsent)) ?? [];
}

/** The whole lines of a file, many at a time. */
export interface LineBlock {
  readonly lines: readonly string[];
  /** Whether text without a line break stands at the end of the file: its process was killed while it wrote, or writes now. */
  readonly isTorn: boolean;
}

/**
 * Reads a file of the log in blocks; nothing when it is gone. Line breaks are left out.
 *
 * @param options.containing only blocks with this text are of interest; looking for it costs a fraction of dividing into lines.
 */
export async function* readLines(
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
