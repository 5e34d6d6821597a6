import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');

/** Names that several files may export, with the reason. */
const allowed = {
  createApp: 'Each app has one.',
  describeApi: 'Each app has one.',
  help: 'Each app has one.',
  readConfig: 'Each app has one.',
};

/** Returns the files that define each exported function, constant and class. */
function findDefinitions(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'apps/*/src/*.ts', 'libs/*/src/*.ts'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.trim().split('\n')) {
    const source = readFileSync(join(root, file), 'utf8');
    for (const [, name = ''] of source.matchAll(
      /^export (?:async )?(?:abstract )?(?:function|const|class)(?: |\* ?)(\w+)/gm,
    )) {
      found.set(name, (found.get(name) ?? new Set()).add(file));
    }
  }
  return found;
}

it('gives each exported name of apps and libraries one meaning', () => {
  const definitions = findDefinitions();
  expect(definitions.size).toBeGreaterThan(1000);
  const repeated = [...definitions].filter(([, files]) => files.size > 1);
  const names = repeated.map(([name]) => name).sort();
  // To allow a name, add it with a reason. Otherwise rename one of its definitions.
  expect(names, JSON.stringify(repeated.map(([name, files]) => [name, ...files]))).toEqual(Object.keys(allowed));
});
