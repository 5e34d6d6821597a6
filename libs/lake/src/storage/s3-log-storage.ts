import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemporaryFolder } from '@facet/platform';
import type { Bucket, ListedObject } from '@facet/platform/s3';
import type { LogStorage } from './log-storage.ts';

/** Keeps a transaction log below a prefix of a bucket. A conditional write creates a record. */
export function s3LogStorage(bucket: Bucket, prefix: string, place: string): LogStorage {
  const keyOf = (name: string): string => `${prefix}${name}`;
  const find = async (name: string): Promise<ListedObject | undefined> =>
    (await bucket.list(keyOf(name))).find(({ key }) => key === keyOf(name));

  async function withTemporaryFile<Result>(work: (path: string) => Promise<Result>): Promise<Result> {
    const folder = await createTemporaryFolder('lake');
    try {
      return await work(join(folder.path, 'file'));
    } finally {
      await folder.remove();
    }
  }

  return {
    place,
    names: async () => (await bucket.list(prefix)).map(({ key }) => key.slice(prefix.length)),
    async read(name) {
      const found = await bucket.get(keyOf(name));
      if (found === undefined) throw new Error(`${name} is missing`);
      return found.text;
    },
    create: async (name, text) => (await bucket.put(keyOf(name), text, 'absent')) !== undefined,
    write: async (name, text) => void (await bucket.put(keyOf(name), text)),
    readFile: (name, read) =>
      withTemporaryFile(async (path) => {
        const found = await find(name);
        const isStored = found !== undefined && (await bucket.download(found.key, path, found.bytes));
        if (!isStored) throw new Error(`${name} is missing`);
        return read(path);
      }),
    writeFile: (name, write) =>
      withTemporaryFile(async (path) => {
        await write(path);
        await bucket.upload(keyOf(name), path, (await stat(path)).size);
      }),
    remove: (name) => bucket.delete(keyOf(name)),
    async isOlder(name, time) {
      const found = await find(name);
      return found !== undefined && found.changedAt < time;
    },
    // Readers see no unfinished objects. Unfinished uploads are removed with those of the data files.
    removeLeftovers: async () => undefined,
  };
}
