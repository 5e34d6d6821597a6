import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { workspaceRoot } from '@facet/testing';
import { expect, it } from 'vitest';
import { impliedFormat, tableFormats } from '../../src/tables/formats.ts';

it.each([
  ['a/Orders.CSV.gz', 'csv', ['events', 'items', 'users']],
  ['orders.tab', 'tsv', ['events', 'items', 'users']],
  ['ml.inter.zst', 'recbole', ['events']],
  ['ml-1m/movies.dat', 'movielens', ['items']],
])('%s implies %s', (path, format, kinds) => {
  expect(impliedFormat(path)).toEqual({ format, kinds });
});

it.each(['csv', 'user', 'old-ratings.dat', 'README.txt'])('%s implies no format', (path) => {
  expect(impliedFormat(path)).toBeUndefined();
});

it('docs/data-engineer.md names each format and ending', () => {
  const page = readFileSync(join(workspaceRoot, 'docs/data-engineer.md'), 'utf8');
  const [, paragraph = ''] = /\*\*Formats\*\*([^]*?)\n\n/.exec(page) ?? [];
  const wanted = Object.values(tableFormats).flatMap(({ title, endings }) => [
    title,
    ...Object.keys(endings).map((ending) => `\`${ending}\``),
  ]);
  expect(wanted.filter((text) => !paragraph.includes(text))).toEqual([]);
  const endings = [...paragraph.matchAll(/`([\w.]*\.\w+)`/g)].map(([, ending = '']) => ending);
  const known = new Set([...wanted, '`.txt`', '`.dat`', '`mapping.columns`', '`.gz`', '`.zst`']);
  expect(endings.filter((ending) => !known.has(`\`${ending}\``))).toEqual([]);
});
