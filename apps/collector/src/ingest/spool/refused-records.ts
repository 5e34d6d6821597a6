import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogRecord } from '@facet/kafka';

/**
 * Where acknowledged records are kept that the log refuses for good, such as after its limit of sizes was lowered: they
 * must neither be lost nor hold up the others.
 */
export interface RefusedRecords {
  /** Resolves when the records are durable. */
  add(records: readonly LogRecord[]): Promise<void>;
}

/** Keeps them in `refused.jsonl` of a folder, for a person to look at. */
export function createRefusedRecords(folder: string): RefusedRecords {
  return {
    async add(records) {
      if (records.length === 0) return;
      const file = await open(join(folder, 'refused.jsonl'), 'a');
      try {
        await file.appendFile(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
        await file.datasync();
      } finally {
        await file.close();
      }
    },
  };
}
