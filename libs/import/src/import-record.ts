import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, hourMs, listNames, readTextIfExists, writeFileAtomically } from '@facet/platform';
import type { ValidationReport } from './validation/report.ts';

export interface ImportRecord {
  readonly status: 'running' | 'done';
  /** The end of the event log when the import started. */
  readonly from: number;
  readonly to?: number;
  /** Without examples. */
  readonly report?: ValidationReport;
}

/** Fields of a report with ids of users and values from files. */
const exampleFields = ['samples', 'examples', 'suspiciousUsers'];

/** Returns undefined for a missing file. @throws AppError `IMPORT_RECORD_DAMAGED`. */
export async function readRecord(path: string): Promise<ImportRecord | undefined> {
  const text = await readTextIfExists(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ImportRecord;
  } catch (error) {
    throw new AppError(`The record of an import, ${path}, is damaged: ${(error as Error).message}.`, {
      code: 'IMPORT_RECORD_DAMAGED',
      category: 'artifact',
      remedy: 'Delete this file, then run the same import again. Events that are already stored are not counted twice.',
      cause: error,
    });
  }
}

/** Returns the other records in the folder of a record. */
export async function readOtherRecords(path: string): Promise<ImportRecord[]> {
  const folder = dirname(path);
  const names = (await listNames(folder)).filter((name) => recordName.test(name) && name !== basename(path));
  const records: ImportRecord[] = [];
  for (const name of names) {
    const record = await readRecord(join(folder, name));
    if (record !== undefined) records.push(record);
  }
  return records;
}

/** Writes a record without the examples of its report, because records stay when users are erased. */
export async function writeRecord(path: string, record: ImportRecord): Promise<void> {
  await writeFileAtomically(path, [`${JSON.stringify(record, withoutExamples)}\n`]);
}

/** Files in the folder of imports that may contain ids of users. */
export interface ImportTraces {
  /** Files that killed imports left, with examples or incomplete. */
  readonly temporary: readonly string[];
  /** Records that are damaged or contain examples, and files that are not of Facet. */
  readonly unreadable: readonly string[];
}

const recordName = /^[0-9a-f]{32}\.json$/;
const temporaryName = /^[0-9a-f]{32}\.json\.[0-9a-f-]{36}\.tmp$/;

/** Returns the paths of the files that may contain ids of users. */
export async function findImportTraces(importsFolder: string): Promise<ImportTraces> {
  const temporary: string[] = [];
  const unreadable: string[] = [];
  for (const name of await listNames(importsFolder)) {
    const path = join(importsFolder, name);
    const isTemporary = temporaryName.test(name);
    if ((isTemporary || recordName.test(name)) && !(await mayHaveExamples(path))) continue;
    (isTemporary ? temporary : unreadable).push(path);
  }
  return { temporary, unreadable };
}

/** What `removeImportRemains` did with the folder of imports. */
export interface ErasedImports {
  /** The number of deleted files of killed imports. */
  readonly temporary: number;
  /** As {@link ImportTraces}. These files stay. */
  readonly unreadable: readonly string[];
}

/** Removes the files of imports that were killed an hour ago. */
export async function removeImportRemains(importsFolder: string): Promise<ErasedImports> {
  const { unreadable } = await findImportTraces(importsFolder);
  let temporary = 0;
  for (const name of await listNames(importsFolder)) {
    if (!temporaryName.test(name)) continue;
    const path = join(importsFolder, name);
    const status = await stat(path).catch(() => undefined);
    // A running import renames its file within moments.
    if (status === undefined || status.mtimeMs > Date.now() - hourMs) continue;
    await rm(path, { force: true });
    temporary++;
  }
  return { temporary, unreadable };
}

/** Returns whether a file has examples or is not a readable record. Returns false for one that was deleted. */
async function mayHaveExamples(path: string): Promise<boolean> {
  const record: unknown = await readRecord(path).catch(() => null);
  if (record === undefined) return false;
  if (typeof record !== 'object' || record === null || !('status' in record)) return true;
  return JSON.stringify(record) !== JSON.stringify(record, withoutExamples);
}

/** Omits the suspicious users, because an empty list would say that there are none. Their number is not in another field. */
function withoutExamples(name: string, value: unknown): unknown {
  if (!Array.isArray(value) || value.length === 0 || !exampleFields.includes(name)) return value;
  return name === 'suspiciousUsers' ? undefined : [];
}
