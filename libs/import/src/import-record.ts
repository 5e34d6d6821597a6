import { join } from 'node:path';
import { listNames, readTextIfExists, writeFileAtomically } from '@facet/platform';
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

export async function readRecord(path: string): Promise<ImportRecord | undefined> {
  const text = await readTextIfExists(path);
  return text === undefined ? undefined : (JSON.parse(text) as ImportRecord);
}

/** Writes a record without the examples of its report, because records stay when users are erased. */
export async function writeRecord(path: string, record: ImportRecord): Promise<void> {
  await writeFileAtomically(path, [`${JSON.stringify(record, withoutExamples)}\n`]);
}

/** Returns the paths of the records with examples, which earlier versions wrote. */
export async function findImportExamples(importsFolder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await listNames(importsFolder)) {
    if (!name.endsWith('.json')) continue;
    const path = join(importsFolder, name);
    const record = await readRecord(path);
    if (JSON.stringify(record) !== JSON.stringify(record, withoutExamples)) found.push(path);
  }
  return found;
}

/** Removes the examples from the records of earlier versions. Returns the number of changed records. */
export async function removeImportExamples(importsFolder: string): Promise<number> {
  const paths = await findImportExamples(importsFolder);
  for (const path of paths) {
    const record = await readRecord(path);
    if (record !== undefined) await writeRecord(path, record);
  }
  return paths.length;
}

function withoutExamples(name: string, value: unknown): unknown {
  return exampleFields.includes(name) && Array.isArray(value) ? [] : value;
}
