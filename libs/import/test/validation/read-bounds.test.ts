import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { withDuckDb } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { expect, test } from 'vitest';
import type { ReadBounds } from '../../src/tables/read-bounds.ts';
import { validateFiles } from '../../src/validate-files.ts';

const rows = 1_000;
const line = 'e1,ada,book,1769860800,click\n';
const text = `event_id,user_id,item_id,timestamp,event_type\n${line.repeat(rows)}`;
const loose: ReadBounds = { rowsMax: rows, bytesMax: 1 << 20, duckDb: { memoryLimit: '512MB', threads: 1 } };

async function writeFiles(): Promise<readonly string[]> {
  const folder = await temporaryFolder();
  const path = (name: string) => join(folder, name);
  const objects = `{"eventId":"e1","userId":"ada","itemId":"book","timestamp":1769860800,"type":"click"}\n`.repeat(
    rows,
  );
  await writeFile(path('events.csv'), text);
  await writeFile(path('events.csv.gz'), gzipSync(text));
  await writeFile(path('events.jsonl'), objects);
  const source = `read_csv('${path('events.csv')}')`;
  await withDuckDb({}, (connection) => connection.run(`COPY (SELECT * FROM ${source}) TO '${path('events.parquet')}'`));
  return ['events.csv', 'events.csv.gz', 'events.jsonl', 'events.parquet'].map(path);
}

test('refuses a file above the bounds of rows and of decompressed bytes, in every format', async () => {
  for (const path of await writeFiles()) {
    const read = (bounds: ReadBounds) => validateFiles({ events: [path] }, { bounds });
    expect((await read(loose)).report.events).toMatchObject({ rows, accepted: rows });
    const tooLarge = { code: 'EVENTS_FILE_TOO_LARGE', remedy: expect.stringContaining('facet validate') };
    await expect(read({ ...loose, rowsMax: rows - 1 })).rejects.toMatchObject({
      ...tooLarge,
      message: expect.stringContaining('999 rows'),
    });
    await expect(read({ ...loose, bytesMax: 10_000 })).rejects.toMatchObject(tooLarge);
  }
});
