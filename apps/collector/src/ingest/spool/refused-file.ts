import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogRecord } from '@facet/kafka';

/** Records that the log permanently refuses, in `refused.jsonl`. */
export interface RefusedFile {
  /** Appends records, also on a full disk. Resolves when they are durable. */
  append(records: readonly LogRecord[]): Promise<void>;
  /** Reserves space for the next full disk. Does nothing while the disk has none. */
  reserve(): Promise<void>;
}

/** Creates the file in the folder of a spool, together with a file `reserve` that gives up its space on a full disk. */
export function createRefusedFile(folder: string, { reserveBytes }: { readonly reserveBytes: number }): RefusedFile {
  const reservePath = join(folder, 'reserve');
  let isReserved = false;
  const append = async (text: string): Promise<void> => {
    const file = await open(join(folder, 'refused.jsonl'), 'a');
    try {
      const { size } = await file.stat();
      try {
        await file.appendFile(text);
        await file.datasync();
      } catch (error) {
        await file.truncate(size);
        throw error;
      }
    } finally {
      await file.close();
    }
  };
  return {
    async append(records) {
      if (records.length === 0) return;
      const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
      await append(text).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error;
        isReserved = false;
        await rm(reservePath, { force: true });
        await append(text);
      });
    },
    async reserve() {
      if (isReserved) return;
      isReserved = await stat(reservePath).then(
        ({ size }) => size >= reserveBytes,
        () => false,
      );
      if (isReserved) return;
      try {
        const file = await open(reservePath, 'w');
        try {
          await file.writeFile(Buffer.alloc(reserveBytes));
          await file.datasync();
        } finally {
          await file.close();
        }
        isReserved = true;
      } catch {
        await rm(reservePath, { force: true }).catch(() => undefined);
      }
    },
  };
}
