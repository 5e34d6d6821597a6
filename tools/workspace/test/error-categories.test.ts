import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** Returns the categories of each error code in the sources of the workspace. */
function readCategories(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'apps/*/src/*.ts', 'libs/*/src/*.ts'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.trim().split('\n')) {
    const source = readFileSync(join(root, file), 'utf8');
    for (const [, code = '', category = ''] of source.matchAll(
      /\bcode: ([^,;]*?'[A-Z_]+'),\s+category: '([a-z-]+)'/g,
    )) {
      for (const [, name = ''] of code.matchAll(/'([A-Z_]+)'/g)) {
        found.set(name, (found.get(name) ?? new Set()).add(category));
      }
    }
  }
  return found;
}

it('gives each error code one category', () => {
  const categories = readCategories();
  expect(categories.size).toBeGreaterThan(100);
  expect([...categories].filter(([, { size }]) => size > 1)).toEqual([]);
});
