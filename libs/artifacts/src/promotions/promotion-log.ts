import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFileAtomically, syncPath } from '@facet/platform';
import { hasErrorCode } from '../disk/files.ts';
import { stagingPath } from '../disk/staging.ts';
import { parsePromotionRecord } from './promotion-record.ts';
import type { PromotionDraft, PromotionRecord } from './promotion-record.ts';

/**
 * Who made what current, and when: numbered records, each linked into place under the next number, which the file system
 * grants to one writer only. A record is there as a whole or not at all, and none is ever changed or removed.
 */
export interface PromotionLog {
  /** The newest record, by one listing and one read; undefined in an empty log. */
  newest(): Promise<PromotionRecord | undefined>;
  /** Every record, oldest first. */
  records(): Promise<readonly PromotionRecord[]>;
  /**
   * Adds what `decide` makes of the log as it stands, or nothing if it gives back a record that is there. It is asked again
   * whenever another writer came first, so a decision is never about an older state than the one it follows.
   */
  append(decide: (log: PromotionLogState) => Promise<PromotionDraft | PromotionRecord>): Promise<PromotionRecord>;
}

/** The log at one moment; records behind it are not seen. */
export interface PromotionLogState {
  readonly newest: PromotionRecord | undefined;
  readonly records: () => Promise<readonly PromotionRecord[]>;
}

const recordPattern = /^(\d{10})\.json$/;
/** Files that are open at a time while all are read. */
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

  /** Undefined for what is no record: something foreign, or something that a broken disk has left. */
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

  /** Whether the record got its number. */
  async function create(record: PromotionRecord): Promise<boolean> {
    await mkdir(folder, { recursive: true });
    const temporary = await stagingPath(stagingFolder);
    const isCreated = await createFileAtomically(pathOf(record.number), [`${JSON.stringify(record)}\n`], { temporary });
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
