import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readTextIfExists, syncPath, utcDay, writeFileAtomically } from '@facet/platform';
import {
  fileAgeMsMax,
  listCopies,
  listDays,
  listFiles,
  readLogLines,
  removeAbandonedCopies,
  temporarySuffix,
} from './exposure-files.ts';
import { parseExposure, userHashOf } from './exposure-record.ts';
import type { ExposureRecord } from './exposure-record.ts';

export interface EraseExposuresResult {
  /** Removed records, and the files that contained them. */
  readonly records: number;
  readonly files: number;
  /** Files that a process may still be writing to. They may contain more records, which the next run removes. */
  readonly openFiles: number;
}

/**
 * Removes the records of erased users from the log, replacing one file at a time atomically.
 *
 * Open files are skipped: their process closes them within 15 minutes, and a file of a dead process counts as closed an
 * hour after its last record. Erasures completed on all files are recorded in `_erasures.json` and skipped from then
 * on. The function may be interrupted, repeated and run concurrently.
 *
 * @param erasures All erasures of the lake.
 */
export async function eraseFromExposures(
  folder: string,
  { erasures, erasureKey }: RecordedErasures,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<EraseExposuresResult> {
  const logged = await listDays(folder);
  for (const day of logged) await removeAbandonedCopies(folder, day);
  const done = new Set(await readDone(folder));
  const pending = erasures.filter(({ erasureId }) => !done.has(erasureId));
  const result = { records: 0, files: 0, openFiles: 0 };
  if (pending.length === 0) return result;
  const newest = utcDay(Math.max(...pending.map(({ requestedAt }) => requestedAt)));
  const days = logged.filter((day) => day <= newest);
  let oldestOpen: string | undefined;
  for (const day of days) {
    for (const file of await listFiles(folder, day)) {
      options.signal?.throwIfAborted();
      if (file.isOpen) {
        result.openFiles++;
        oldestOpen ??= day;
        continue;
      }
      const records = await eraseFrom(file.path, erasedBy({ erasures: pending, erasureKey }));
      result.records += records;
      if (records > 0) result.files++;
    }
  }
  // Records of responses just before the erasure may still be in a buffer.
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

/**
 * Returns how many records of erased users the files and their unfinished copies still contain, and the files with unreadable or
 * truncated lines, which may be records of these users.
 */
export async function countErasable(
  folder: string,
  recorded: RecordedErasures,
): Promise<{ readonly records: number; readonly unreadable: readonly string[] }> {
  const isErased = erasedBy(recorded);
  const until = Math.max(...recorded.erasures.map(({ requestedAt }) => requestedAt));
  let records = 0;
  const unreadable = new Set<string>();
  for (const day of await listDays(folder)) {
    if (Date.parse(day) > until) continue;
    const files = (await listFiles(folder, day)).map(({ path }) => path);
    for (const path of [...files, ...(await listCopies(folder, day))]) {
      for await (const { lines, isTorn } of readLogLines(path)) {
        const parsed = lines.map(parseExposure);
        records += parsed.filter((record) => record !== undefined && isErased(record)).length;
        if (isTorn || parsed.includes(undefined)) unreadable.add(path);
      }
    }
  }
  return { records, unreadable: [...unreadable] };
}

/** Also removes unreadable lines if there is anything to erase, because they may belong to an erased user. */
async function eraseFrom(path: string, isErased: (record: ExposureRecord) => boolean): Promise<number> {
  const gone = new Set<number>();
  let number = 0;
  let erased = 0;
  let isUnsound = false;
  for await (const { lines, isTorn } of readLogLines(path)) {
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

/**
 * Replaces a file by a copy without some of its lines, or removes it if no line remains. A truncated last line is not
 * copied.
 */
async function copyWithout(path: string, numbers: ReadonlySet<number>): Promise<void> {
  const temporary = `${path}.${randomUUID()}${temporarySuffix}`;
  try {
    const copy = await open(temporary, 'wx');
    let kept = 0;
    try {
      let number = 0;
      for await (const { lines } of readLogLines(path)) {
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

function doneFile(folder: string): string {
  return join(folder, '_erasures.json');
}

async function readDone(folder: string): Promise<readonly string[]> {
  const text = await readTextIfExists(doneFile(folder));
  return text === undefined ? [] : (JSON.parse(text) as string[]);
}

/** A request to erase a user, as stored in the lake. */
export interface UserErasure {
  readonly erasureId: string;
  /** `hashUser` of the user id: an HMAC with the erasure key of the lake. */
  readonly userHash: string;
  /** Records until this time are erased; epoch milliseconds. */
  readonly requestedAt: number;
}

/** The erasures of a lake with the key of their hashes, as a snapshot of the lake has them. */
export interface RecordedErasures {
  readonly erasures: readonly UserErasure[];
  readonly erasureKey: {
    /** Returns the `userHash` of an erasure for the `hashUser` of a user. */
    of(userHash: string): string;
  };
}

/** Returns a predicate for records of erased users. */
export function erasedBy({ erasures, erasureKey }: RecordedErasures): (record: ExposureRecord) => boolean {
  if (erasures.length === 0) return () => false;
  const until = new Map<string, number>();
  for (const { userHash, requestedAt } of erasures) {
    until.set(userHash, Math.max(requestedAt, until.get(userHash) ?? 0));
  }
  return (record) => {
    const userHash = userHashOf(record);
    return userHash !== undefined && record.respondedAt <= (until.get(erasureKey.of(userHash)) ?? -Infinity);
  };
}
