import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileAtomically, createFolder, listNames } from '@facet/platform';
import { earlierLogFolder } from '../layout.ts';
import { lakeErrors } from './errors.ts';
import { transactionName, transactionPattern, versionOf } from './transaction-log.ts';

/** The format of the record that fences the log of an earlier release: processes of that release refuse to read it. */
export const fenceFormat = 2;

/** The last record of the log of an earlier release. */
interface LastRecord {
  readonly version: number;
  /** Whether the record fences the log. */
  readonly isFence: boolean;
}

/** Returns the last record of the log of an earlier release, or `undefined` if the log has none. */
export async function readLastRecord(lakeFolder: string): Promise<LastRecord | undefined> {
  const name = (await listEarlierLog(lakeFolder)).findLast((each) => transactionPattern.test(each));
  if (name === undefined) return undefined;
  return { version: versionOf(name), isFence: await isFence(lakeFolder, name) };
}

/** Returns whether the log of an earlier release has records or checkpoints other than fences: a completed migration deletes them. */
export async function hasEarlierRecords(lakeFolder: string): Promise<boolean> {
  for (const name of await listEarlierLog(lakeFolder)) if (!(await isFence(lakeFolder, name))) return true;
  return false;
}

async function isFence(lakeFolder: string, name: string): Promise<boolean> {
  const path = join(lakeFolder, earlierLogFolder, name);
  const text = await lakeErrors.reading(path, readFile(path, 'utf8'));
  return text.startsWith(`{"format":${fenceFormat},`);
}

/** Returns the text of the record that fences the log of an earlier release. */
export function fenceRecord(version: number): string {
  return `${JSON.stringify({ format: fenceFormat, version })}\n`;
}

/** Returns whether an earlier release has written the lake. In a lake of this release, the earlier log has only the fence of version 1. */
export async function wasWrittenByEarlierRelease(lakeFolder: string): Promise<boolean> {
  const names = await listEarlierLog(lakeFolder);
  if (names.length !== 1) return names.length > 1;
  const last = await readLastRecord(lakeFolder);
  return last?.isFence !== true || last.version !== 1;
}

/**
 * Creates the fence of version 1 in a lake whose earlier log is empty, for example after a restore without it. Returns whether the earlier
 * log ends with a fence. It does not if an earlier release has continued it.
 */
export async function restoreFence(lakeFolder: string): Promise<boolean> {
  if ((await listEarlierLog(lakeFolder)).length === 0) await fenceEarlierLog(lakeFolder, 1);
  return (await readLastRecord(lakeFolder))?.isFence === true;
}

/** Returns the sorted names of the records and checkpoints. */
async function listEarlierLog(lakeFolder: string): Promise<readonly string[]> {
  const folder = join(lakeFolder, earlierLogFolder);
  const names = await lakeErrors.reading(folder, listNames(folder));
  return names.filter((name) => /^\d{20}\.(checkpoint\.)?json$/.test(name)).sort();
}

/** Creates the fence of the earlier log with this version. Does nothing if the version exists. */
export async function fenceEarlierLog(lakeFolder: string, version: number): Promise<void> {
  const folder = join(lakeFolder, earlierLogFolder);
  await createFolder(folder);
  await createFileAtomically(join(folder, transactionName(version)), [fenceRecord(version)]);
}
