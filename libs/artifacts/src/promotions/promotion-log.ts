import { mapConcurrently } from '@facet/platform';
import { formatPromotionRecord, parsePromotionRecord } from './promotion-record.ts';
import type { PromotionDraft, PromotionRecord } from './promotion-record.ts';

/** Where the records of a promotion log are stored, one file or object per record. */
export interface PromotionRecords {
  /** Returns the names of all records, in any order, and possibly names that are none. */
  names(): Promise<string[]>;
  /** Returns the text of a record, or undefined if there is none. */
  read(name: string): Promise<string | undefined>;
  /** Stores a record, whole and durable. Returns false if the name exists. Only one of several concurrent writers succeeds. */
  create(name: string, text: string): Promise<boolean>;
}

/**
 * Numbered records of promotions, rollbacks and fences. Each record is created under the next number, which the storage
 * grants to one writer only. Records are written whole and never changed or removed.
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

/** Files read concurrently. */
const readsAtATime = 64;

export function createPromotionLog(storage: PromotionRecords): PromotionLog {
  async function list(): Promise<number[]> {
    const numbers = (await storage.names()).filter(isRecordName).map((name) => Number.parseInt(name, 10));
    return numbers.sort((a, b) => a - b);
  }

  /** Returns undefined for a file that is not a valid record, such as one damaged by the disk. */
  async function read(number: number): Promise<PromotionRecord | undefined> {
    const text = await storage.read(nameOf(number));
    return text === undefined ? undefined : parsePromotionRecord(text, number);
  }

  async function newestOf(numbers: readonly number[]): Promise<PromotionRecord | undefined> {
    for (const number of numbers.toReversed()) {
      const record = await read(number);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  async function recordsOf(numbers: readonly number[]): Promise<PromotionRecord[]> {
    return (await mapConcurrently(numbers, readsAtATime, read)).filter((record) => record !== undefined);
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
        if (await storage.create(nameOf(record.number), formatPromotionRecord(record))) return record;
      }
    },
  };
}

/** Returns whether a file is a promotion record. The names of records sort in the order of promotion. */
export function isRecordName(name: string): boolean {
  return /^\d{10}\.json$/.test(name);
}

function nameOf(number: number): string {
  return `${String(number).padStart(10, '0')}.json`;
}
