import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncPath, utcDay, writeFileAtomically } from '@facet/platform';
import {
  fileAgeMsMax,
  ignoreAbsent,
  listDays,
  listFiles,
  readLines,
  removeAbandonedCopies,
  temporarySuffix,
} from './exposure-files.ts';
import type { ExposureFile } from './exposure-files.ts';
import { parseExposure, userHashOf } from './exposure-record.ts';
import type { ExposureRecord } from './exposure-record.ts';

export interface EraseExposuresResult {
  /** Records that are gone, and files that had some. */
  readonly records: number;
  readonly files: number;
  /** Files that a process may still be writing to: they may hold more, and are left to the next run. */
  readonly openFiles: number;
}

/**
 * Takes the records of users who are to be forgotten out of the log, a file at a time and each at once. A file that is open is
 * not touched: its process closes it within 15 minutes, and one whose process died counts as closed an hour after its last
 * record. What was carried out on all files is remembered in `_erasures.json` and not looked for again. It may be killed and
 * run again, also beside another.
 *
 * @param erasures all that the lake was told of; see `listErasures`.
 */
export async function eraseFromExposures(
  folder: string,
  erasures: readonly UserErasure[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<EraseExposuresResult> {
  const done = new Set(await readDone(folder));
  const pending = erasures.filter(({ erasureId }) => !done.has(erasureId));
  const result = { records: 0, files: 0, openFiles: 0 };
  if (pending.length === 0) return result;
  const newest = utcDay(Math.max(...pending.map(({ requestedAt }) => requestedAt)));
  const days = (await listDays(folder)).filter((day) => day <= newest);
  let oldestOpen: string | undefined;
  for (const day of days) {
    await removeAbandonedCopies(folder, day);
    for (const file of await listFiles(folder, day, Date.now())) {
      options.signal?.throwIfAborted();
      if (file.isOpen) {
        result.openFiles++;
        oldestOpen ??= day;
        continue;
      }
      const records = await eraseFrom(file, erasedBy(pending));
      result.records += records;
      if (records > 0) result.files++;
    }
  }
  // What was answered just before a request may still wait for the disk.
  const settled = Date.now() - fileAgeMsMax;
  const finished = pending.filter(
    ({ requestedAt }) => requestedAt < settled && (oldestOpen === undefined || utcDay(requestedAt) < oldestOpen),
  );
  if (days.length > 0 && finished.length > 0) {
    const ids = [...done, ...finished.map(({ erasureId }) => erasureId)];
    await writeFileAtomically(doneFile(folder), [JSON.stringify(ids)]);
  }
  return result;
}

/** How many records files still hold of users who are to be forgotten. */
export async function countErasable(folder: string, erasures: readonly UserErasure[]): Promise<number> {
  const isErased = erasedBy(erasures);
  let records = 0;
  for (const day of await listDays(folder)) {
    for (const { path } of await listFiles(folder, day, Date.now())) {
      for await (const { lines } of readLines(path)) {
        records += lines.filter((line) => isErased(parseExposure(line) ?? nobodys)).length;
      }
    }
  }
  return records;
}

/** Lines that nobody can read go too where there is anything to erase: they may be of anybody. */
async function eraseFrom({ path }: ExposureFile, isErased: (record: ExposureRecord) => boolean): Promise<number> {
  const gone = new Set<number>();
  let number = 0;
  let erased = 0;
  let isUnsound = false;
  for await (const { lines, isTorn } of readLines(path)) {
    isUnsound ||= isTorn;
    for (const line of lines) {
      const record = parseExposure(line);
      if (record === undefined || isErased(record)) gone.add(number);
      if (record !== undefined && isErased(record)) erased++;
      number++;
    }
  }
  if (gone.size > 0 || isUnsound) await copyWithout(path, gone);
  return erased;
}

/** Replaces a file by one without some of its lines, or removes it when none are left. A torn end is not copied. */
async function copyWithout(path: string, numbers: ReadonlySet<number>): Promise<void> {
  const temporary = `${path}.${randomUUID()}${temporarySuffix}`;
  try {
    const copy = await open(temporary, 'wx');
    let kept = 0;
    try {
      let number = 0;
      for await (const { lines } of readLines(path)) {
        const rest = lines.filter(() => !numbers.has(number++));
        if (rest.length > 0) await copy.appendFile(`${rest.join('\n')}\n`);
        kept += rest.length;
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
    if (kept === 0) await rm(path, { force: true });
    else await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncPath(dirname(path));
}

/** What a line that cannot be read counts as. */
const nobodys = { answeredAt: 0 } as ExposureRecord;

function doneFile(folder: string): string {
  return join(folder, '_erasures.json');
}

async function readDone(folder: string): Promise<readonly string[]> {
  const text = await readFile(doneFile(folder), 'utf8').catch(ignoreAbsent);
  return text === undefined ? [] : (JSON.parse(text) as string[]);
}

/** That a user is to be forgotten, as the lake keeps it. */
export interface UserErasure {
  readonly erasureId: string;
  /** `hashUser` of the id. */
  readonly userHash: string;
  /** What was answered until then is to go; epoch milliseconds. */
  readonly requestedAt: number;
}

/** Tells whether a record is of a user who is to be forgotten. */
export function erasedBy(erasures: readonly UserErasure[]): (record: ExposureRecord) => boolean {
  if (erasures.length === 0) return () => false;
  const until = new Map<string, number>();
  for (const { userHash, requestedAt } of erasures) {
    until.set(userHash, Math.max(requestedAt, until.get(userHash) ?? 0));
  }
  return (record) => {
    const userHash = userHashOf(record);
    return userHash !== undefined && record.answeredAt <= (until.get(userHash) ?? -Infinity);
  };
}
