import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFileAtomically, syncPath } from '@facet/platform';
import { hasErrorCode } from '../disk/files.ts';
import { stagingPath } from '../disk/staging.ts';
import { formatPromotionRecord, parsePromotionRecord } from './promotion-record.ts';
import type { PromotionDraft, PromotionRecord } from './promotion-record.ts';

/**
 * Numbered records of promotions, rollbacks and fences. Each record is hard-linked into place under the next number, so
 * the file system grants a number to one writer only. Records are written whole and never changed or removed.
 */
interface PromotionLog {
  /** Returns the newest record, by one directory listing and one read; undefined for an empty log. */
  newest(): Promise<PromotionRecord | undefined>;
  /** Returns all records, oldest first. */
  records(): Promise<readonly PromotionRecord[]>;
  /**
   * Appends the record that `decide` returns, or nothing if `decide` returns an existing record. `decide` runs again if
   * another writer appended first, so every decision is based on the record before it.
   */
  append(decide: (log: PromotionLogState) => Promise<PromotionDraft | PromotionRecord>): Promise<PromotionRecord>;
}

/** The log at one moment, without later records. */
interface PromotionLogState {
  readonly newest: PromotionRecord | undefined;
  readonly records: () => Promise<readonly PromotionRecord[]>;
}

const recordPattern = /^(\d{10})\.json$/;
/** Files read concurrently. */
const readsAtATime = 64;

export function createPromotionLog(folder: string, stagingFolder: string): PromotionLog {
  async function list(): Promise<number[]> {
    const names = await readdir(folder).catch((error: unknown) => {
      if (hasErrorCode(error, 'ENOENT')) return [];
      throw error;
    });
    const numbers = names.flatMap((name) => {
      const match = recordPattern.exec(name);
      return match === null ? [] : [Number(match[1])];
    });
    return numbers.sort((a, b) => a - b);
  }

  /** Returns undefined for a file that is not a valid record, such as one damaged by the disk. */
  async function read(number: number): Promise<PromotionRecord | undefined> {
    try {
      return parsePromotionRecord(await readFile(pathOf(number), 'utf8'), number);
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT', 'EISDIR')) return undefined;
      throw error;
    }
  }

  async function newestOf(numbers: readonly number[]): Promise<PromotionRecord | undefined> {
    for (const number of numbers.toReversed()) {
      const record = await read(number);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  async function recordsOf(numbers: readonly number[]): Promise<PromotionRecord[]> {
    const records: PromotionRecord[] = [];
    for (let start = 0; start < numbers.length; start += readsAtATime) {
      const some = await Promise.all(numbers.slice(start, start + readsAtATime).map(read));
      records.push(...some.filter((record) => record !== undefined));
    }
    return records;
  }

  /** Returns false if another writer has used the number. */
  async function create(record: PromotionRecord): Promise<boolean> {
    await mkdir(folder, { recursive: true });
    const temporary = await stagingPath(stagingFolder);
    const isCreated = await createFileAtomically(pathOf(record.number), [formatPromotionRecord(record)], { temporary });
    if (isCreated && record.number === 1) await syncPath(dirname(folder));
    return isCreated;
  }

  function pathOf(number: number): string {
    return join(folder, `${String(number).padStart(10, '0')}.json`);
  }

  return {
    newest: async () => newestOf(await list()),
    records: async () => recordsOf(await list()),
    append: async (decide) => {
      for (;;) {
        const numbers = await list();
        const decided = await decide({ newest: await newestOf(numbers), records: () => recordsOf(numbers) });
        if ('number' in decided) return decided;
        const record: PromotionRecord = { format: 1, number: (numbers.at(-1) ?? 0) + 1, ...decided };
        if (await create(record)) return record;
      }
    },
  };
}
