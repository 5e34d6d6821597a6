import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { importFiles } from '../../src/import-files.ts';
import type { SourceFiles } from '../../src/read-files.ts';
import { validateFiles } from '../../src/read-confirmed-files.ts';
import type { ValidateOptions } from '../../src/read-confirmed-files.ts';
import { renderValidationReport } from '../../src/validation/render-report.ts';
import { importFolders } from '../import-folders.ts';

const now = () => Date.UTC(2024, 0, 2);

const eventLines = [
  'user,item,time,rating', // 1
  'u1,i1,2024-01-01 10:00,5',
  'u1,i1,2024-01-01 10:00,5', // 3: the same again
  'u1,i2,2024-01-01 11:00,3',
  'u2,i9,2024-01-02 05:00,4', // 5: an item that the item file lacks, ahead of the clock
  'u3,i9,1970-01-01 00:00,1', // 6: before 1990, an unknown user
  ',i1,2024-01-01 10:00,5', // 7
  'u1,i1,01/02/2024,5', // 8
  'u1,i1', // 9
  ',i1,2024-01-01 10:00,5', // 10
];

async function filesOf(contents: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const folder = await temporaryFolder();
  const paths: Record<string, string> = {};
  for (const [name, content] of Object.entries(contents)) {
    paths[name] = join(folder, name);
    await writeFile(join(folder, name), content);
  }
  return paths;
}

async function reportOf(lines: readonly string[], options: ValidateOptions = { now }) {
  const paths = await filesOf({ 'events.csv': lines.join('\n') });
  return (await validateFiles({ events: [paths['events.csv'] ?? ''] }, options)).report;
}

describe('validateFiles', () => {
  it('reports files, refusals, times, types, values, distributions and unknown ids', async () => {
    const paths = await filesOf({
      'events.csv': eventLines.join('\n'),
      'items.csv': 'item_id,title\ni1,One\ni2,Two\ni3,Three\n,Nameless\n',
      'users.csv': 'user_id,age\nu1,30\nu2,40\nu8,50\n',
    });
    const at = (name: string): string => paths[name] ?? '';
    const { report } = await validateFiles(
      { events: [at('events.csv')], items: [at('items.csv')], users: [at('users.csv')] },
      { now },
    );
    expect(report).toMatchObject({
      version: 1,
      checkedAt: now(),
      files: [
        {
          kind: 'items',
          path: at('items.csv'),
          format: 'csv',
          rows: 4,
          accepted: 3,
          columns: { itemId: 'item_id', title: 'title' },
        },
        { kind: 'users', rows: 3, accepted: 3, columns: { userId: 'user_id' } },
        { kind: 'events', rows: 9, accepted: 5, defaultType: 'rating', columns: { value: 'rating' } },
      ],
      events: { rows: 9, accepted: 5, refused: 4, duplicates: 1 },
      time: {
        earliest: 0,
        latest: Date.UTC(2024, 0, 2, 5),
        ahead: { count: 1, lines: [{ file: 2, line: 5 }] },
        before1990: { count: 1, lines: [{ file: 2, line: 6 }] },
      },
      types: [{ type: 'rating', count: 5 }],
      days: [
        { day: '1970-01-01', count: 1 },
        { day: '2024-01-01', count: 3 },
        { day: '2024-01-02', count: 1 },
      ],
      values: {
        count: 5,
        min: 1,
        max: 5,
        mean: 3.6,
        distinct: [
          { value: 1, count: 1 },
          { value: 3, count: 1 },
          { value: 4, count: 1 },
          { value: 5, count: 2 },
        ],
      },
      users: { count: 3, min: 1, median: 1, max: 3 },
      items: { count: 3, min: 1, median: 2, max: 2 },
      unknownItems: { ids: 1, events: 2, examples: [{ id: 'i9', events: 2, first: { file: 2, line: 5 } }] },
      itemsWithoutEvents: 1,
      unknownUsers: { ids: 1, events: 1, examples: [{ id: 'u3', events: 1, first: { file: 2, line: 6 } }] },
      usersWithoutEvents: 1,
      suspiciousUsers: [],
    });
    expect(report.refusals).toEqual([
      {
        kind: 'events',
        field: 'userId',
        reason: 'missing',
        count: 2,
        lines: [
          { file: 2, line: 7 },
          { file: 2, line: 10 },
        ],
      },
      { kind: 'items', field: 'itemId', reason: 'missing', count: 1, lines: [{ file: 0, line: 5 }] },
      { kind: 'events', field: '', reason: 'wrong-column-count', count: 1, lines: [{ file: 2, line: 9 }] },
      {
        kind: 'events',
        field: 'occurredAt',
        reason: 'time-order-unclear',
        count: 1,
        lines: [{ file: 2, line: 8 }],
        samples: ['01/02/2024'],
      },
    ]);

    const text = renderValidationReport(report);
    expect(text).toContain('2  events  userId: missing                 lines 7, 10');
    expect(text).toContain('line 8: "01/02/2024"; set mapping.timeFormat');
    expect(text).toContain('unknown         1  in 2 events, not in the items file');
    expect(text).toMatch(/2024-01-01 +3 +█{24}\n/);
    expect(text).not.toContain('Suspicious users');
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('counts rows of items and users that replace earlier rows', async () => {
    const {
      events = '',
      items = '',
      users = '',
    } = await filesOf({
      events: 'user,item,time\nu1,i1,2024-01-01',
      items: 'item,title\ni1,One\ni2,Two\ni1,New\ni1,Newest',
      users: 'user,age\nu1,30\nu1,40',
    });
    const as = (path: string) => [{ path, format: 'csv' as const }];
    const { report } = await validateFiles({ events: as(events), items: as(items), users: as(users) }, { now });
    expect(report.repeated).toEqual({ items: 2, users: 1 });
    expect(renderValidationReport(report)).toContain(
      'Repeated ids\n  2  rows of items  replace an earlier row with the same id\n  1  rows of users',
    );
  });

  it('counts every refused line but lists only the first lines per reason', async () => {
    const report = await reportOf([
      'user,item,time',
      ...Array.from({ length: 500 }, () => 'u,,2024-01-01'),
      'u,i,2024-01-01',
    ]);
    expect(report.refusals).toMatchObject([{ field: 'itemId', reason: 'missing', count: 500 }]);
    expect(report.refusals[0]?.lines.map(({ line }) => line)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 2),
    );
    expect(renderValidationReport(report)).toContain('500  events  itemId: missing  lines 2, 3, 4, 5, 6, …');
  });

  it('warns about equal rows of one day, with their lines and advice', async () => {
    const day = 'u,i,2024-01-01,1';
    const report = await reportOf(['user,item,date,order', day, day, 'u,i,2024-01-01,2', day]);
    expect(report.events.duplicates).toBe(2);
    expect(report.time).toMatchObject({
      daysOnly: 4,
      daysOnlyDuplicates: { count: 2, lines: [{ line: 3 }, { line: 5 }] },
    });
    expect(renderValidationReport(report)).toContain(
      '2  without a time of day, not counted  equal to an earlier row in all columns (lines 3, 5); to count each row, add a time of day',
    );
  });

  it('refuses files without a header that have different numbers of columns', async () => {
    const paths = await filesOf({ 'clicks.csv': 'u,2024-01-01T12:00,i,c\n', 'buys.csv': 'u,2024-01-01T12:00,i,9,1\n' });
    const [clicks = '', buys = ''] = [paths['clicks.csv'], paths['buys.csv']];
    const mapping = { columns: ['user', 'time', 'item', 'category'] };
    await expect(validateFiles({ events: [clicks, buys] }, { now, mapping })).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
      message: expect.stringContaining(`${clicks} has 4 columns and ${buys} has 5.`) as string,
    });
    expect((await validateFiles({ events: [clicks, clicks] }, { now, mapping })).report.events.duplicates).toBe(1);
  });

  it('warns about times without a time of day unless a few are midnight by chance', async () => {
    const rows = Array.from({ length: 100 }, (_, row) => `u${row},i,2024-01-01T12:00`);
    const textOf = async (...more: string[]) =>
      renderValidationReport(await reportOf(['user,item,date', ...rows, ...more]));
    expect(await textOf('u,i,2024-01-02T00:00')).not.toContain('without a time of day');
    expect(await textOf('u,i,2024-01-02', 'u,i,2024-01-03')).toContain('2  without a time of day');
  });

  it('does not call rows of one day equal that repeat a given id', async () => {
    const report = await reportOf(['event_id,user,item,date,order', 'e,u,i,2024-01-01,1', 'e,u,i,2024-01-02,2']);
    expect(report.events.duplicates).toBe(1);
    expect(report.time).toMatchObject({ daysOnly: 2, daysOnlyDuplicates: { count: 0 } });
  });

  it('shows how to map a value inside an object', async () => {
    const lines = [
      '{"user":"u","item":"i","time":1704103200,"session":{"id":5}}',
      '{"user":{"id":5},"item":"i","time":1704103200}',
    ];
    const paths = await filesOf({ 'events.jsonl': lines.join('\n'), 'items.jsonl': '{"id":1,"title":{"en":"Lamp"}}' });
    const { report } = await validateFiles(
      { events: [paths['events.jsonl'] ?? ''], items: [paths['items.jsonl'] ?? ''] },
      { now },
    );
    const text = renderValidationReport(report);
    expect(text).toContain('sessionId: not-text  line 1: {"id":5}; map it with mapping.sessionId: session.id');
    expect(text).toContain('userId: not-text  line 2; map it with mapping.userId: user.id');
    expect(text).toContain('title: not-text      line 1: {"en":"Lamp"}; map it with mapping.items.title: title.en');
  });

  it('counts words that mean a missing id, and names the setting', async () => {
    const report = await reportOf(['user,item,time', 'u,i,2024-01-01', 'NULL,i,2024-01-01', '\\N,i,2024-01-01']);
    expect(report.events).toMatchObject({ accepted: 1, refused: 2 });
    expect(renderValidationReport(report)).toContain(
      '2  events  userId: missing-word  lines 3, 4; words such as NULL mean a missing id: see mapping.missingIds',
    );
  });

  it('omits items, users and values that the files do not contain', async () => {
    const report = await reportOf(['user,item,time', 'u,i,2024-01-01']);
    expect(report).not.toHaveProperty('unknownItems');
    expect(report).not.toHaveProperty('unknownUsers');
    expect(report).not.toHaveProperty('values');
  });

  it('lists no values when many are distinct', async () => {
    const rows = Array.from({ length: 30 }, (_, index) => `u,i${index},2024-01-01,${index}.5`);
    const { values } = await reportOf(['user,item,time,price', ...rows]);
    expect(values).toEqual({ count: 30, min: 0.5, max: 29.5, mean: 15 });
  });

  it('finds users who look like bots', async () => {
    const people = Array.from({ length: 200 }, (_, user) => `person${user},i,2024-01-01 10:00:00`);
    const bot = Array.from({ length: 300 }, (_, event) => `bot,i${event},2024-01-01 0${event % 10}:00:00`);
    const crawler = Array.from({ length: 9 * 40 }, (_, event) => `crawler,i${event},2024-01-01 12:0${event % 9}:00`);
    const report = await reportOf(['user,item,time', ...people, ...bot, ...crawler]);
    expect(report.suspiciousUsers).toEqual([
      {
        userId: 'crawler',
        events: 360,
        share: 360 / 860,
        reasons: ['share-of-all-events', 'sustained-rate'],
        eventsPerMinuteMax: 40,
      },
      { userId: 'bot', events: 300, share: 300 / 860, reasons: ['share-of-all-events'] },
    ]);
    expect(renderValidationReport(report)).toContain(
      'crawler  360 events  41.9 %  share-of-all-events, sustained-rate (up to 40 per minute)',
    );
  });

  it('names the file of a line when there are several files', async () => {
    const paths = await filesOf({
      'a.csv': 'user,item,time\nu,i,2024-01-01\n',
      'b.csv': 'user,item,time\n,i,2024-01-01\n',
    });
    const files = Object.values(paths);
    const { report } = await validateFiles({ events: files, items: [] }, { now });
    expect(report.refusals[0]?.lines).toEqual([{ file: 1, line: 2 }]);
  });

  it('reports progress up to the last byte', async () => {
    const paths = await filesOf({ 'a.csv': eventLines.join('\n'), 'b.csv': eventLines.join('\n') });
    const seen: number[] = [];
    let total = 0;
    await validateFiles(
      { events: Object.values(paths) },
      {
        now,
        onProgress: ({ stage, doneBytes, totalBytes }) => {
          expect(stage).toBe('events');
          seen.push(doneBytes);
          total = totalBytes;
        },
      },
    );
    expect([...new Set(seen)]).toEqual([total / 2, total]);
  });

  it('fails for an unreadable file', async () => {
    await expect(reportOf(['who,what,when', 'a,b,c'])).rejects.toMatchObject({ code: 'EVENTS_COLUMN_MISSING' });
    // The ratings of Amazon and the listening histories of Last.fm have no header.
    for (const line of ['A1,B00,5.0,1704067200', 'user_1\t2009-05-04T23:08:57Z\tartist\ttrack']) {
      const failed = reportOf([line, line]);
      await expect(failed).rejects.toMatchObject({ code: 'EVENTS_COLUMN_MISSING' });
      const { remedy = '' } = (await failed.catch((error: unknown) => error)) as { remedy?: string };
      const columns = /columns: \[(.*)\]/.exec(remedy)![1]!.split(', ');
      const report = await reportOf([line, line], { now, mapping: { columns } });
      expect(report.events).toMatchObject({ accepted: 2, duplicates: 1 });
    }
    await expect(validateFiles({ events: ['absent.csv'] })).rejects.toMatchObject({ code: 'EVENTS_FILE_UNREADABLE' });
  });

  it('returns the error of an import, which judges the first 10,000 rows of the events', async () => {
    // A file is judged after whole blocks of 1 MiB.
    const pair = `${'u'.repeat(100)},item`;
    const [row, broken] = [`${pair},2024-01-01 10:00\n`, `${pair},\n`];
    const paths = await filesOf({
      'wrong-first.csv': `user,item,time\n${broken.repeat(12_000)}${row.repeat(13_000)}`,
      'wrong-last.csv': `user,item,time\n${row.repeat(12_000)}${broken.repeat(14_000)}`,
      'empty.csv': 'user,item,time\n',
      'nameless.csv': `sku,name\n${',Lamp\n'.repeat(30)}`,
    });
    const home = importFolders(join(await temporaryFolder(), 'home'));
    const find = async (files: SourceFiles) => (await validateFiles(files, { now })).importError?.message;
    const refused: readonly [SourceFiles, RegExp][] = [
      [{ events: [paths['wrong-first.csv']!] }, /^Most of the first 1\d{4} rows of events .* missing \(12,000 rows/],
      [{ events: [paths['empty.csv']!] }, /^The event files have no rows\.$/],
      [{ events: [], items: [paths['nameless.csv']!] }, /^Most of the first 30 rows of items/],
    ];
    for (const [files, message] of refused) {
      const found = await find(files);
      expect(found).toMatch(message);
      await expect(importFiles(files, { home, now })).rejects.toMatchObject({ message: found });
    }
    expect(await find({ events: [paths['wrong-last.csv']!] })).toBeUndefined();
  });

  it('can be aborted', async () => {
    await expect(reportOf(eventLines, { now, signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  });
});

it('lists the attributes, and those whose every value is a number as text', async () => {
  const paths = await filesOf({
    'items.csv': 'item,title,price,weight,tags\na,A,"9,90",3 kg,x|y\nb,B,12.5,4,z\nc,C,,,\n',
    'users.jsonl': '{"userId":"u","age":30}\n',
  });
  const files = { events: [], items: [paths['items.csv'] ?? ''], users: [paths['users.jsonl'] ?? ''] };
  const { report } = await validateFiles(files, { now });
  expect(report.attributes).toEqual([
    { kind: 'items', name: 'price', types: ['text'], count: 2, samples: ['9,90', '12.5'], isNumericText: true },
    { kind: 'items', name: 'weight', types: ['text'], count: 2, samples: ['3 kg', '4'], isNumericText: false },
    { kind: 'items', name: 'tags', types: ['list'], count: 2, samples: ['x,y', 'z'], isNumericText: false },
    { kind: 'users', name: 'age', types: ['number'], count: 1, samples: ['30'], isNumericText: false },
  ]);
  expect(renderValidationReport(report)).toContain('for numbers: mapping.items.attributes: { price: number }');
});

it('says that a bound on ratings is low for their scale, and that times may be numbers of days', async () => {
  const lines = ['user,item,time,rating', 'u1,i1,1,9', 'u1,i2,711,10', 'u2,i1,3,3'];
  const whyLeftOut = ({ value }: { value?: number | null | undefined }) =>
    Number(value) >= 4 ? undefined : ('value-outside-bound' as const);
  const learning = { rule: 'purchase or rating >= 4', whyLeftOut };
  const text = renderValidationReport(await reportOf(lines, { now, learning }));
  expect(text).toContain('the ratings go up to 10: change the bound of rating in the rule');
  expect(text).toContain('if they are numbers of days, set mapping.timeFormat: Days');
  const days = renderValidationReport(await reportOf(lines, { now, learning, mapping: { timeFormat: 'Days' } }));
  expect(days).not.toContain('numbers of days');
});
