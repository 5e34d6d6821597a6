import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { findMissingCommands } from '../known-commands.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const node = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

it('keeps the tables of docs/benchmarks.md equal to their files', () => {
  expect(() => node('tools/workspace/benchmarks.mjs', '--check')).not.toThrow();
});

it('finds the commands that do not exist', () => {
  const missing = [
    'npm run bench -- filters',
    'npm run test:faults -- nothing',
    'npm run facet -- no-command',
    'npm run no-script',
  ];
  expect(findMissingCommands(missing.join('\n')).sort()).toEqual(missing.sort());
  expect(findMissingCommands('python tools/no.py and vitest run --root libs/model test/no.test.ts')).toEqual([
    'tools/no.py',
    'libs/model/test/no.test.ts',
  ]);
  expect(findMissingCommands('npm run bench -- NAME, npm run facet -- benchmark and npm run lint')).toEqual([]);
});

it('names only programs of npm run bench that exist', () => {
  const files = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map(
    (file) => `docs/${file}`,
  );
  const pages = ['CONTRIBUTING.md', 'README.md', ...files].filter((file) => /\.(md|json)$/.test(file));
  const commands = pages.flatMap((file) => (read(file).match(/npm run bench -- [a-z-]+/g) ?? []).join('\n'));
  expect(commands.flatMap(findMissingCommands)).toEqual([]);
});
