import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const skipped = new Set(['node_modules', 'dist', 'out-tsc', 'test']);

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && !skipped.has(entry.name)) yield* sources(join(folder, entry.name));
    else if (entry.name.endsWith('.ts')) yield join(folder, entry.name);
  }
}

it('one file of the workspace imports TensorFlow', () => {
  const importing = ['apps', 'libs', 'tools']
    .flatMap((folder) => [...sources(join(root, folder))])
    .filter((file) => /(from|import|require)\s*\(?\s*['"]@tensorflow\//u.test(readFileSync(file, 'utf8')))
    .map((file) => relative(root, file));
  expect(importing).toEqual(['libs/tf-graph/src/tensorflow.ts']);
});
