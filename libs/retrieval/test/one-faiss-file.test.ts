import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const workspace = fileURLToPath(new URL('../../..', import.meta.url));

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!['node_modules', 'dist', 'out-tsc', 'test'].includes(entry.name)) yield* sourceFiles(path);
    } else if (/\.[mc]?[jt]s$/.test(entry.name) && !entry.name.endsWith('.d.ts')) yield path;
  }
}

test('exactly one source file imports Faiss', () => {
  const importing: string[] = [];
  for (const folder of ['apps', 'libs']) {
    for (const path of sourceFiles(join(workspace, folder))) {
      if (/(from|import|require)\s*\(?\s*['"]faiss-node['"]/.test(readFileSync(path, 'utf8'))) {
        importing.push(relative(workspace, path));
      }
    }
  }
  expect(importing).toEqual(['libs/retrieval/src/indexes/faiss.ts']);
});
