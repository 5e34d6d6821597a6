import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFileAtomically, createFolder, listNames } from '@facet/platform';
import { earlierLogFolder } from '../layout.ts';
import { transactionName } from './transaction-log.ts';

/** The format of the record that ends the log of an earlier release. Processes of that release refuse to read it. */
export const endFormat = 2;

/** The last record of the log of an earlier release. */
interface LastRecord {
  readonly version: number;
  /** Whether the record ends the log. */
  readonly isEnd: boolean;
}

/** Returns the last record of the log of an earlier release, or `undefined` if the log has none. */
export async function readLastRecord(lakeFolder: string): Promise<LastRecord | undefined> {
  const folder = join(lakeFolder, earlierLogFolder);
  const names = (await listNames(folder)).sort();
  const name = names.findLast((each) => /^\d{20}\.json$/.test(each));
  if (name === undefined) return undefined;
  const text = await readFile(join(folder, name), 'utf8');
  return { version: Number(name.slice(0, 20)), isEnd: text.startsWith(`{"format":${endFormat},`) };
}

/** Returns the text of the record that ends the log of an earlier release. */
export function endRecord(version: number): string {
  return `${JSON.stringify({ format: endFormat, version })}\n`;
}

/** Returns whether the log of an earlier release has transactions. The log of a new lake has only the record that ends it. */
export async function hasEarlierTransactions(lakeFolder: string): Promise<boolean> {
  const last = await readLastRecord(lakeFolder);
  return last !== undefined && !(last.isEnd && last.version === 1);
}

/** Ends the log of an earlier release at a version, unless the log has a record with this version. */
export async function endEarlierLog(lakeFolder: string, version: number): Promise<void> {
  const folder = join(lakeFolder, earlierLogFolder);
  await createFolder(folder);
  await createFileAtomically(join(folder, transactionName(version)), [endRecord(version)]);
}
