import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const node = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

it('keeps the tables of docs/benchmarks.md equal to their files', () => {
  expect(() => node('tools/workspace/benchmarks.mjs', '--check')).not.toThrow();
});

it('names only programs of npm run bench that exist, or the commit that has them', () => {
  const programs = [...node('tools/workspace/bench.mjs', '--help').matchAll(/^ {2}([a-z-]+) /gm)].map(
    ([, name]) => name,
  );
  expect(programs).toHaveLength(14);
  const files = [
    'CONTRIBUTING.md',
    ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => `docs/${file}`),
  ];
  const unknown = files
    .filter((file) => /\.(md|json)$/.test(file))
    .flatMap((file) =>
      read(file)
        .split('\n')
        .map((line) => `${file}: ${line}`),
    )
    .filter((line) => {
      const names = [...line.matchAll(/npm run bench -- ([a-z][a-z-]*)/g)].map(([, name]) => name);
      return names.some((name) => !programs.includes(name)) && !line.includes('57a0721f');
    });
  expect(unknown).toEqual([]);
});
