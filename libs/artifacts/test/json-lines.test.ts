import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderOfFile } from '@facet/testing';
import { expect, test } from 'vitest';
import { readJsonLines, writeJsonLines } from '../src/index.ts';

const folder = folderOfFile();

test('reads what was written, over many pieces and with any characters', async () => {
  const path = join(folder, 'many');
  // The four bytes of é and 💡 cross every position of a piece boundary. U+2028 and carriage returns end no line.
  const values = Array.from({ length: 3000 }, (_, row) => ({ row, text: `é💡\u2028\r\n${'x'.repeat(row % 997)}` }));
  await writeJsonLines(path, values);
  expect(await readJsonLines(path)).toEqual(values);
});

test('reads an empty file, empty lines, and a last line without a line feed', async () => {
  const path = join(folder, 'edges');
  await writeJsonLines(path, []);
  expect(await readJsonLines(path)).toEqual([]);
  await writeFile(path, '\n{"a":1}\n\n{"a":2}');
  expect(await readJsonLines(path)).toEqual([{ a: 1 }, { a: 2 }]);
});

test('writes values of any iterable, one at a time', async () => {
  const path = join(folder, 'source');
  function* source() {
    for (let row = 0; row < 5; row++) yield [row];
  }
  await writeJsonLines(path, source());
  expect(await readJsonLines(path)).toEqual([[0], [1], [2], [3], [4]]);
});

test('rejects a line that is not JSON', async () => {
  const path = join(folder, 'broken');
  await writeFile(path, '{"a":1}\n{"a":');
  await expect(readJsonLines(path)).rejects.toThrow(SyntaxError);
});
