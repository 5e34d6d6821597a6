import fc from 'fast-check';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openFileEventLog, openFileEventLogReader } from '@facet/event-log';
import { readItems, readLake, readUsers } from '@facet/lake';
import { makeEvent, temporaryFolder } from '@facet/testing';
import { importFiles } from '../src/import-files.ts';
import { learningSection } from '../src/validation/render-report.ts';
import { importFolders } from './import-folders.ts';
import type { ImportFolders, ImportOptions } from '../src/import-files.ts';

const clock = Date.UTC(2024, 0, 2);
const now = () => clock;

interface Setting {
  readonly home: ImportFolders;
  file(name: string, content: string | Buffer): Promise<string>;
}

async function setUp(): Promise<Setting> {
  const folder = await temporaryFolder();
  return {
    home: importFolders(join(folder, 'home')),
    file: async (name, content) => {
      await writeFile(join(folder, name), content);
      return join(folder, name);
    },
  };
}

const rowsCsv = (count: number): string => {
  const rows = Array.from({ length: count }, (_, row) => `u${row % 50},i${row},2024-01-01 10:00:00`);
  return `user,item,time\n${rows.join('\n')}\n`;
};

describe('importFiles', () => {
  it('imports items and users into the catalog and events into the lake', async () => {
    const { home, file } = await setUp();
    const stages = new Set<string>();
    const result = await importFiles(
      {
        events: [
          await file(
            'ml.inter',
            'user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t7\t4\t881250949\nbroken\n1\t8\t5\t881250950\n',
          ),
        ],
        items: [
          await file('ml.item', 'item_id:token\tmovie_title:token_seq\tclass:token_seq\n7\tToy Story\tComedy Kids\n'),
        ],
        users: [await file('ml.user', 'user_id:token\tage:token\n1\t24\n')],
      },
      { home, now, onProgress: ({ stage }) => stages.add(stage) },
    );
    expect(result).toMatchObject({
      imported: true,
      offsets: { from: 0, to: 2 },
      report: {
        events: { rows: 3, accepted: 2, refused: 1 },
        refusals: [{ reason: 'wrong-column-count', lines: [{ line: 3 }] }],
      },
    });
    expect(result.sources.map(({ kind, sha256 }) => [kind, sha256.length])).toEqual([
      ['events', 64],
      ['items', 64],
      ['users', 64],
    ]);
    expect([...stages]).toEqual(['items', 'users', 'events', 'lake']);
    expect(await readItems(home.catalogFolder)).toEqual([
      { itemId: '7', title: 'Toy Story', attributes: { class: ['Comedy', 'Kids'] } },
    ]);
    expect(await readUsers(home.catalogFolder)).toEqual([{ userId: '1', attributes: { age: '24' } }]);
    expect(await readLake(home.lakeFolder)).toMatchObject([
      { type: 'rating', userId: '1', itemId: '7', value: 4, occurredAt: 881_250_949_000, receivedAt: clock },
      { itemId: '8', value: 5 },
    ]);
  });

  it('shows how to map the value inside an object when most rows have one', async () => {
    const { home, file } = await setUp();
    const events = [await file('a.jsonl', '{"user":{"id":5},"item":"i","time":1704103200}\n'.repeat(30))];
    await expect(importFiles({ events }, { home, now })).rejects.toMatchObject({
      code: 'EVENTS_MOSTLY_REFUSED',
      remedy: 'The value is an object. Set mapping.userId: user.id in facet.yaml.',
    });
    const result = await importFiles({ events }, { home, now, mapping: { userId: 'user.id' } });
    expect(result.report.events).toMatchObject({ rows: 30, accepted: 30 });
  });

  it('skips a repeated import of the same content under any file name', async () => {
    const { home, file } = await setUp();
    const first = await importFiles({ events: [await file('a.csv', rowsCsv(40))] }, { home, now });
    const again = await importFiles({ events: [await file('b.csv', rowsCsv(40))] }, { home, now });
    expect(again).toMatchObject({ imported: false, offsets: first.offsets, report: first.report });
    // Another mapping is another import.
    const viewed = await importFiles(
      { events: [await file('a.csv', rowsCsv(40))] },
      { home, now, mapping: { defaultType: 'view' } },
    );
    expect(viewed).toMatchObject({ imported: true, offsets: { from: 40, to: 80 } });
  });

  it('keeps no values of rows in its record, so a repeated import reports counts only', async () => {
    const { home, file } = await setUp();
    const rows = ['u1,i1,click,2024-01-01 10:00,1', 'u1,i1,view,2024-01-01 11:00,u1'];
    const files = {
      events: [await file('e.csv', ['user,item,type,time,value', ...rows].join('\n'))],
      users: [await file('u.csv', 'user_id,nick\nu2,u1\n')],
    };
    const learning = {
      rule: 'click',
      whyLeftOut: ({ type }: { type: string }) => (type === 'click' ? undefined : ('type-not-in-rule' as const)),
    };
    const { report } = await importFiles(files, { home, now, learning });
    expect(JSON.stringify(report).match(/"u1"/g)?.length).toBeGreaterThan(3);
    const [name = ''] = await readdir(home.importsFolder);
    expect(await readFile(join(home.importsFolder, name), 'utf8')).not.toContain('"u1"');
    const again = await importFiles(files, { home, now, learning });
    expect(again.report).toMatchObject({ events: report.events, unknownUsers: { ids: 1, events: 2, examples: [] } });
    const section = learningSection(again.report).split('\n');
    expect(section.slice(1)).toEqual([
      '  positive  1  click',
      '  left out  1  view   the rule does not name this type; to include it, add it to interactions.positives',
    ]);
    const other = { rule: 'view', whyLeftOut: () => undefined };
    const { imported, report: counted } = await importFiles(files, { home, now, learning: other });
    expect([imported, counted.learning]).toMatchObject([
      false,
      { rule: 'view', positives: [{ type: 'click' }, { type: 'view' }], leftOut: [] },
    ]);
    expect(await readFile(join(home.importsFolder, name), 'utf8')).not.toContain('"u1"');
    expect((await importFiles(files, { home, now, learning: other })).report.learning).toMatchObject({ rule: 'view' });
  });

  it('omits suspicious users from the report of a repeated import', async () => {
    const { home, file } = await setUp();
    const rows = Array.from({ length: 300 }, (_, row) => `bot,i${row % 5},${1_700_000_000 + row}`);
    const files = { events: [await file('e.csv', ['user,item,time', ...rows].join('\n'))] };
    const first = await importFiles(files, { home, now });
    expect(first.report.suspiciousUsers).toMatchObject([{ userId: 'bot' }]);
    const again = await importFiles(files, { home, now });
    expect(again.imported).toBe(false);
    expect(again.report).not.toHaveProperty('suspiciousUsers');
  });

  it('adds no event for rows that were imported earlier', async () => {
    const { home, file } = await setUp();
    await importFiles({ events: [await file('a.csv', rowsCsv(40))] }, { home, now });
    const lake = await readLake(home.lakeFolder);
    await importFiles({ events: [await file('b.csv.gz', gzipSync(rowsCsv(60)))] }, { home, now: () => clock + 5000 });
    const later = await readLake(home.lakeFolder);
    expect(later).toHaveLength(60);
    expect(later).toEqual(expect.arrayContaining(lake));
  });

  it('counts other events without the records of other imports, which it reads when asked', async () => {
    const { home, file } = await setUp();
    const path = await file('a.csv', rowsCsv(40));
    await importFiles({ events: [path] }, { home, now });
    const unreadable = join(home.importsFolder, `${'0'.repeat(32)}.json`);
    await mkdir(unreadable);
    const { others } = await importFiles({ events: [await file('b.csv', rowsCsv(60))] }, { home, now });
    expect(others.events).toBe(40);
    await expect(others.readFiles()).rejects.toMatchObject({ code: 'EISDIR' });
    await rm(unreadable, { recursive: true });
    expect(await others.readFiles()).toEqual([path]);
  });

  it('counts orders of one day once, in any order of the rows, and apart in two files', async () => {
    const { home, file } = await setUp();
    const head = 'user,item,date,order_id';
    await importFiles(
      {
        events: [
          await file('a.csv', [head, 'u,i,2024-01-01,1', 'u,i,2024-01-01,2'].join('\n')),
          await file('b.csv', [head, 'u,i,2024-01-01,3'].join('\n')),
        ],
      },
      { home, now },
    );
    expect(await readLake(home.lakeFolder)).toHaveLength(3);
    const reordered = await file('c.csv', [head, 'u,i,2024-01-01,2', 'u,i,2024-01-01,1'].join('\n'));
    await importFiles({ events: [reordered] }, { home, now });
    expect(await readLake(home.lakeFolder)).toHaveLength(3);
  });

  it('accepts attributes that one of the files or a later row has, refuses misspelled ones, and reports missing ones', async () => {
    const { home, file } = await setUp();
    const late = `${'{"item":"i","kolor":"x"}\n'.repeat(60_000)}{"item":"j","color":"red"}\n`;
    const items = [await file('books.csv', 'item,colour\na,x\n'), await file('clothes.jsonl', late)];
    const attributes = { color: 'list' as const };
    await importFiles({ events: [], items }, { home, now, mapping: { items: { attributes } } });
    expect((await readItems(home.catalogFolder)).find(({ itemId }) => itemId === 'j')?.attributes).toEqual({
      color: ['red'],
    });
    const other = importFolders(join(await temporaryFolder(), 'home'));
    const importBooks = (names: Readonly<Record<string, 'list'>>): ReturnType<typeof importFiles> =>
      importFiles({ events: [], items: [items[0]!] }, { home: other, now, mapping: { items: { attributes: names } } });
    await expect(importBooks(attributes)).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
      remedy: expect.stringContaining('Did you mean colour?') as string,
    });
    expect(await readItems(other.catalogFolder)).toEqual([]);
    expect((await importBooks({ pages: 'list' })).report.attributes).toMatchObject([
      { name: 'colour', types: ['text'], count: 1 },
      { name: 'pages', types: [], count: 0 },
    ]);
  });

  it('restores the events of a CSV file from the lake', async () => {
    const cell = fc.string({
      minLength: 1,
      maxLength: 8,
      unit: fc.constantFrom('a', 'B', '7', 'é', '"', ',', '\n', '😀', '-'),
    });
    const id = cell.filter((text) => text.trim() === text && text !== '');
    const row = fc.record({
      user: id,
      item: id,
      time: fc.integer({ min: 1e9, max: 1.7e9 }),
      value: fc.integer({ min: 0, max: 9 }),
    });
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), async (rows) => {
        const { home, file } = await setUp();
        const lines = rows.map((entry) => [quoted(entry.user), quoted(entry.item), entry.time, entry.value].join(','));
        await importFiles(
          { events: [await file('e.csv', ['user,item,ts,quantity', ...lines].join('\r\n'))] },
          { home, now },
        );
        const keyOf = (...parts: unknown[]): string => JSON.stringify(parts);
        const found = (await readLake(home.lakeFolder)).map((event) =>
          keyOf(event.userId, event.itemId, event.occurredAt / 1000, event.value),
        );
        const expected = new Set(rows.map((entry) => keyOf(entry.user, entry.item, entry.time, entry.value)));
        expect(found.sort()).toEqual([...expected].sort());
      }),
      { numRuns: 12 },
    );
  });

  it('appends nothing when most rows are invalid, and reports why', async () => {
    const { home, file } = await setUp();
    const wrong = `user,item,time\n${Array.from({ length: 30 }, (_, row) => `u,i${row},${row < 10 ? '2024-01-01' : '13/01/2024'}`).join('\n')}`;
    await expect(importFiles({ events: [await file('a.csv', wrong)] }, { home, now })).rejects.toMatchObject({
      code: 'EVENTS_MOSTLY_REFUSED',
      message: expect.stringMatching(
        /occurredAt: time-order-unclear "13\/01\/2024" \(20 rows, the first at .*a\.csv:12\)/,
      ) as string,
      remedy: expect.stringMatching(/"D\/M\/YYYY H:mm", "M\/D\/YYYY H:mm" or "M\/D\/YYYY h:mm:ss A"/) as string,
    });
    const nulls = `user,item,time\n${'NULL,i,2024-01-01\n'.repeat(30)}`;
    await expect(importFiles({ events: [await file('c.csv', nulls)] }, { home, now })).rejects.toMatchObject({
      code: 'EVENTS_MOSTLY_REFUSED',
      message: expect.stringContaining('userId: missing-word (30 rows') as string,
      remedy: expect.stringContaining('set mapping.missingIds: []') as string,
    });
    await expect(
      importFiles({ events: [await file('b.csv', 'user,item,time\n')] }, { home, now }),
    ).rejects.toMatchObject({
      code: 'EVENTS_MOSTLY_REFUSED',
    });
    const log = await openFileEventLogReader(home.logFolder);
    expect(await log.end()).toBe(0);
    const mapping = { timeFormat: 'DD/MM/YYYY' };
    await expect(
      importFiles(
        { events: [await file('c.csv', wrong.replaceAll('2024-01-01', '02/01/2024'))] },
        { home, now: () => clock + 1e10, mapping },
      ),
    ).resolves.toMatchObject({ imported: true });
  });

  it('resumes after the events that an aborted run had appended', async () => {
    const { home, file } = await setUp();
    const events = [
      await file('a.csv', rowsCsv(15_000)),
      await file('b.csv', `${rowsCsv(5000).replaceAll('u', 'w').replace('wser', 'user')}`),
    ];
    const abort = new AbortController();
    const options: ImportOptions = {
      home,
      now,
      signal: abort.signal,
      onProgress: (progress) => {
        if (progress.stage === 'events' && progress.doneBytes === progress.totalBytes) abort.abort(new Error('stop'));
      },
    };
    await expect(importFiles({ events }, options)).rejects.toThrow('stop');
    const appended = await (await openFileEventLogReader(home.logFolder)).end();
    expect(appended).toBe(15_000);
    expect(await importFiles({ events }, { home, now })).toMatchObject({
      imported: true,
      offsets: { from: 0, to: 20_000 },
    });
    expect(await readLake(home.lakeFolder)).toHaveLength(20_000);
  });

  it('loses and repeats no event when another writer appends between two runs', async () => {
    const { home, file } = await setUp();
    const events = [await file('a.csv', rowsCsv(300))];
    await importFiles({ events }, { home, now });
    // Simulates a kill after 300 events, followed by another event.
    const [record] = await readdir(home.importsFolder);
    await writeFile(join(home.importsFolder, record ?? ''), '{"status":"running","from":0}\n');
    const log = await openFileEventLog(home.logFolder);
    await log.append([makeEvent({ eventId: 'other' })]);
    await log.close();
    const longer = [await file('b.csv', rowsCsv(400))];
    await importFiles({ events }, { home, now });
    await importFiles({ events: longer }, { home, now });
    expect(await readLake(home.lakeFolder)).toHaveLength(401);
  });

  it('imports again when the log was deleted', async () => {
    const { home, file } = await setUp();
    const events = [await file('a.csv', rowsCsv(10))];
    await importFiles({ events }, { home, now });
    for (const folder of [home.logFolder, home.lakeFolder]) await rm(folder, { recursive: true });
    expect(await importFiles({ events }, { home, now })).toMatchObject({ imported: true });
    expect(await readLake(home.lakeFolder)).toHaveLength(10);
  });

  it('refuses an event log that has lost events of the lake, before it appends any', async () => {
    const { home, file } = await setUp();
    await importFiles({ events: [await file('a.csv', rowsCsv(10))] }, { home, now });
    await rm(home.logFolder, { recursive: true });
    const events = [await file('b.csv', rowsCsv(12))];
    await expect(importFiles({ events }, { home, now })).rejects.toMatchObject({ code: 'EVENTS_LOG_BEHIND' });
    const log = await openFileEventLog(home.logFolder);
    expect(await log.end()).toBe(0);
    await log.close();
    expect(await readLake(home.lakeFolder)).toHaveLength(10);
  });

  it('names a damaged record, and stores each event once without it', async () => {
    const { home, file } = await setUp();
    const events = [await file('a.csv', rowsCsv(100))];
    await importFiles({ events }, { home, now });
    const [name] = await readdir(home.importsFolder);
    const path = join(home.importsFolder, name!);
    await writeFile(path, '{"status":');
    await expect(importFiles({ events }, { home, now })).rejects.toMatchObject({
      code: 'IMPORT_RECORD_DAMAGED',
      message: expect.stringContaining(path) as string,
    });
    await rm(path);
    await expect(importFiles({ events }, { home, now })).resolves.toMatchObject({ imported: true });
    expect(await readLake(home.lakeFolder)).toHaveLength(100);
  });

  it('allows one import at a time', async () => {
    const { home, file } = await setUp();
    const log = await openFileEventLog(home.logFolder);
    const events = [await file('a.csv', rowsCsv(10))];
    await expect(importFiles({ events }, { home, now })).rejects.toMatchObject({ code: 'EVENTS_LOG_LOCKED' });
    await log.close();
    await expect(importFiles({ events }, { home, now })).resolves.toMatchObject({ imported: true });
  });
});
