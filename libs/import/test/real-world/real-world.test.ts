import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { noon, temporaryFolder } from '@facet/testing';
import type { RefusedLine } from '../../src/read-files.ts';
import { findAllFiles, findFiles } from '../../src/tables/open-table.ts';
import type { FileKind } from '../../src/tables/formats.ts';
import { validateFiles } from '../../src/read-confirmed-files.ts';
import type { LearningRule } from '../../src/validation/report-counters.ts';
import type { ValidationReport } from '../../src/validation/report.ts';
import { fileCases } from './generate-files.ts';
import type { ExpectedReport, FileCase } from './generate-files.ts';

async function writeFiles(files: FileCase['files']): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

function summaryOf(report: ValidationReport): Required<ExpectedReport> {
  const sum = (field: 'accepted' | 'rows'): number => report.files.reduce((total, file) => total + file[field], 0);
  const reasons = (found: ValidationReport['refusals']): string[] =>
    found.map(({ field, reason, count }) => `${field}: ${reason} ${count}`).sort();
  const { positives = [], leftOut = [] } = report.learning ?? {};
  return {
    rows: [sum('accepted'), sum('rows')],
    refused: reasons(report.refusals),
    ignored: reasons(report.ignored),
    positives: positives.map(({ type, count }) => `${type} ${count}`).sort(),
    leftOut: leftOut.map(({ type, reason, count }) => `${type} ${reason} ${count}`).sort(),
    duplicates: report.events.duplicates,
    daysOnly: report.time.daysOnly,
    otherCandidates: Object.assign({}, ...report.files.map((file) => file.otherCandidates)),
  };
}

const nothing = {
  refused: [],
  ignored: [],
  positives: [],
  leftOut: [],
  duplicates: 0,
  daysOnly: 0,
  otherCandidates: {},
};

/** The rule `click or purchase or rating >= 4`. */
const learning: LearningRule = {
  rule: 'click or purchase or rating >= 4',
  whyLeftOut({ type, value }) {
    if (type === 'rating') return value === undefined ? 'value-missing' : value < 4 ? 'value-outside-bound' : undefined;
    if (type !== 'click' && type !== 'purchase') return 'type-not-in-rule';
    return value !== undefined && value < 0 ? 'value-negative' : undefined;
  },
};

it.each(fileCases)('reads $title', async ({ kind, files, mapping, types, expected }) => {
  const found = await findFiles(await writeFiles(files), kind);
  const { report } = await validateFiles(
    { events: [], [kind]: found },
    { mapping, types, learning, now: () => Date.UTC(2025, 0, 1) },
  );
  const sorted = Object.fromEntries(
    Object.entries({ ...nothing, ...expected }).map(([name, value]) => [
      name,
      Array.isArray(value) && name !== 'rows' ? [...(value as string[])].sort() : value,
    ]),
  );
  expect(summaryOf(report)).toEqual(sorted);
});

it('gives the text of every refused line', async () => {
  const { files } = fileCases.find(({ title }) => title.startsWith('broken quotes'))!;
  const refused: RefusedLine[] = [];
  const [path = ''] = await findFiles(await writeFiles(files), 'events');
  await validateFiles({ events: [path] }, { now: () => noon, onRefused: (line) => refused.push(line) });
  expect(refused.map(({ line, raw }) => [line, raw])).toEqual([
    [3, 'u,"open,2024-01-01 10:01,buy'],
    [5, 'u,c'],
    [6, 'u,d,2024-01-01 10:03,wishlist'],
    [7, 'u,e,yesterday,buy'],
  ]);
});

it('finds the files of a pattern, and refuses a pattern without files', async () => {
  const folder = await writeFiles({ 'a-1.csv': 'x', 'a-2.csv': 'x', 'b-1.csv': 'x' });
  expect(await findFiles(join(folder, 'a-*.csv'), 'events')).toEqual([
    join(folder, 'a-1.csv'),
    join(folder, 'a-2.csv'),
  ]);
  expect(await findFiles(join(folder, 'absent.csv'), 'events')).toEqual([join(folder, 'absent.csv')]);
  for (const path of [join(folder, 'c-*.csv'), await writeFiles({ 'notes.txt': 'x' })]) {
    await expect(findFiles(path, 'events')).rejects.toMatchObject({ code: 'EVENTS_FILE_UNREADABLE' });
  }
});

it.each([
  ['events', 'but of items and users.'],
  ['items', 'but of users.'],
] as const)('says which kinds a folder without a file of %s contains', async (kind, rest) => {
  const folder = await writeFiles({ 'ml.user': 'x', ...(kind === 'events' ? { 'ml.item.gz': 'x' } : {}) });
  await expect(findFiles(folder, kind)).rejects.toMatchObject({
    code: 'EVENTS_FILE_UNREADABLE',
    message: `${folder} contains no file of ${kind}, ${rest}`,
    remedy: expect.stringContaining(`Name a file of ${kind}`),
  });
});

it('finds the files of MovieLens and RecBole in a folder by their kind', async () => {
  const [movieLens, recbole] = await Promise.all([
    writeFiles({ 'ratings.dat': 'x', 'movies.dat': 'x', 'users.dat.gz': 'x', README: 'x' }),
    writeFiles({ 'ml.inter.gz': 'x', 'ml.item': 'x', 'ml.user': 'x' }),
  ]);
  for (const [kind, names] of Object.entries({
    events: ['ratings.dat', 'ml.inter.gz'],
    items: ['movies.dat', 'ml.item'],
    users: ['users.dat.gz', 'ml.user'],
  })) {
    const found = await findAllFiles([movieLens, recbole], kind as FileKind);
    expect(found.map((path) => basename(path))).toEqual(names);
  }
});
