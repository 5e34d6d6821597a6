import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, createFileAtomically, createFolder, listNames, s3ConfigName } from '@facet/platform';
import { logFolder } from '../layout.ts';
import { transactionName, transactionPattern } from '../transaction-log/transaction-log.ts';

/**
 * The record that ends the log in the folder of a lake on S3. Without it, a process that does not find `s3.yaml` would start another log in
 * the folder, and acknowledge events that are not in the bucket.
 */
const movedEngine = 'Facet on S3';

function movedRecord(): string {
  const commitInfo = {
    timestamp: Date.now(),
    operation: 'MOVE TO S3',
    operationParameters: {},
    engineInfo: movedEngine,
  };
  return `${JSON.stringify({ commitInfo })}\n`;
}

export function isMovedRecord(text: string): boolean {
  return text.includes(`"engineInfo":"${movedEngine}"`);
}

export function lakeMoved(): AppError {
  return new AppError('The lake is on S3, but this process uses the folder of the lake.', {
    code: 'EVENTS_LAKE_NOT_CONFIGURED',
    category: 'usage',
    remedy: `If lake/${s3ConfigName} is missing in the data home, restore it. Then restart the process.`,
  });
}

export function lakeHasLocal(lakeFolder: string): AppError {
  return new AppError(`${join(lakeFolder, s3ConfigName)} exists, but the lake in this folder is not in the bucket.`, {
    code: 'EVENTS_LAKE_HAS_LOCAL',
    category: 'precondition',
    remedy: 'Stop all processes of this data home, then run: facet lake upload.',
    context: { lakeFolder },
  });
}

/** Ends the log in the folder with this version. Returns false if the version exists, or if version 0 would not be the first. */
export async function fenceLocalLog(lakeFolder: string, version: number): Promise<boolean> {
  const folder = join(lakeFolder, logFolder);
  if (version === 0 && (await listNames(folder)).length > 0) return false;
  await createFolder(folder);
  return createFileAtomically(join(folder, transactionName(version)), [movedRecord()]);
}

/** Returns whether the folder has a log that does not end with the fence: its files are not on S3. */
export async function hasLocalLog(lakeFolder: string): Promise<boolean> {
  const folder = join(lakeFolder, logFolder);
  const last = (await listNames(folder))
    .filter((name) => transactionPattern.test(name))
    .sort()
    .at(-1);
  if (last === undefined) return false;
  return !(await isFence(join(folder, last)));
}

/** Returns whether a file of the log in the folder is the fence. */
export async function isFence(path: string): Promise<boolean> {
  return path.endsWith('.json') && isMovedRecord(await readFile(path, 'utf8'));
}
