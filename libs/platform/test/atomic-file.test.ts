import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createFileAtomically } from '../src/index.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-atomic-file-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

it('lets one of several writers create a file, and leaves no temporary files', async () => {
  const path = join(folder, 'record.json');
  const writers = ['a', 'b', 'c', 'd', 'e'];
  const made = await Promise.all(writers.map((writer) => createFileAtomically(path, [writer, '\n'])));
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await readFile(path, 'utf8')).toBe(`${writers[made.indexOf(true)]}\n`);
  expect(await readdir(folder)).toEqual(['record.json']);
});

it('leaves no temporary file when the rename fails', async () => {
  const made = createFileAtomically(join(folder, 'absent', 'record.json'), ['a'], {
    temporary: join(folder, 'staged'),
  });
  await expect(made).rejects.toThrow('ENOENT');
  expect(await readdir(folder)).toEqual([]);
});
