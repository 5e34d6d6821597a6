import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { lstat, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { run } from './run.ts';

const orders = [
  'InvoiceNo,StockCode,Quantity,InvoiceDate,CustomerID',
  '536365,a,6,2010-12-01 08:26,u1',
  'C536366,a,-6,2010-12-01 09:26,u1',
  '536367,b,1,2010-12-02 08:26,u2',
  '536368,b,1,,u2',
].join('\n');

async function filesOf(contents: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(contents)) await writeFile(join(folder, name), content);
  return folder;
}

describe('facet validate', () => {
  it('ends with what the model learns from, with samples', async () => {
    const folder = await filesOf({ 'orders.csv': orders });
    const { code, out } = await run(['validate', '--events', join(folder, 'orders.csv')]);
    expect(code).toBe(0);
    expect(out).toMatch(/positive +2 +purchase +line 2: u1 a 6; line 4: u2 b 1\n/);
    expect(out).toMatch(/left out +1 +return +the rule does not name this type \(line 3: u1 a -6\)/);
  });

  it('fails when no event is positive', async () => {
    const folder = await filesOf({ 'views.csv': 'user,item,time,type\nu,i,2024-01-01 10:00,view\n' });
    const { code, err } = await run(['validate', '--events', join(folder, 'views.csv')]);
    expect(err).toContain('No event is positive by the rule');
    expect(code).toBe(3);
  });

  it('fails for files of which an import would refuse most rows', async () => {
    const folder = await filesOf({ 'orders.csv': `${orders}\n${'536369,b,1,,u2\n'.repeat(18)}` });
    for (const more of [[], ['--max-refused', '90%']]) {
      const { code, out, err } = await run(['validate', '--events', join(folder, 'orders.csv'), ...more]);
      expect(err).toContain('Most of the first 22 rows of events are invalid: occurredAt: missing (19 rows');
      expect(code).toBe(3);
      expect(out).toContain('orders.csv');
    }
  });

  it('checks items alone', async () => {
    const folder = await filesOf({ 'items.csv': 'sku,name,available\n1,Lamp,ja\n2,Rug,perhaps\n' });
    const { code, out } = await run(['validate', '--items', join(folder, 'items.csv')]);
    expect(code).toBe(0);
    expect(out).toContain('available: not-true-or-false  line 3: "perhaps"');
    expect(out).not.toContain('Events');
  });
});

describe('facet import', () => {
  it('imports items alone, and a folder of events', async () => {
    const folder = await filesOf({ 'day-1.csv': orders, 'day-2.csv': orders.replaceAll('2010', '2011') });
    const items = await filesOf({ 'items.csv': 'sku,name\na,Lamp\na,Lamp with a shade\n' });
    const home = join(await temporaryFolder(), 'home');
    const first = await run(['import', '--items', join(items, 'items.csv'), '--home', home]);
    expect([first.code, first.err]).toEqual([0, expect.stringContaining('1 item in the catalog')]);
    const second = await run(['import', '--events', folder, '--home', home, '--json']);
    expect(JSON.parse(second.out)).toMatchObject({ report: { events: { rows: 8, accepted: 6 } } });
    const again = await run(['import', '--events', folder, '--home', home]);
    expect(again.out).toContain('imported before');
  });

  it('warns about ignored objects and about equal rows of one day', async () => {
    const row = (session: unknown): string =>
      JSON.stringify({ user: 'u', item: 'i', time: '2024-01-01', session, position: 1 });
    const folder = await filesOf({ 'log.jsonl': [{ id: 5 }, { id: 5 }, 7].map(row).join('\n') });
    const path = join(folder, 'log.jsonl');
    const { out } = await run(['import', '--events', path, '--home', join(folder, 'home')]);
    expect(out).toContain(
      '2  events  sessionId: not-text  lines 1, 2: {"id":5}; map it with mapping.sessionId: session.id',
    );
    expect(out).toContain(
      '1  without a time of day, not counted  equal to an earlier row in all columns (line 2); to count each row, add a time of day',
    );
  });

  it('warns about days that are read as seconds, and about ids that the files of items and users lack', async () => {
    const folder = await filesOf({
      'events.csv': 'user,item,timestamp\nu1,a,2\nu1,b,3\nu2,a,4\nu2,a,4\n',
      'items.csv': 'item_id\na\n',
      'users.csv': 'user_id\nu1\nu2\n',
    });
    const files = ['events', 'items', 'users'].flatMap((kind) => [`--${kind}`, join(folder, `${kind}.csv`)]);
    const args = ['import', ...files, '--home', join(folder, 'home')];
    for (const { out, err } of [await run(args), await run(args)]) {
      expect(out).toContain(
        'Unusual times\n  4  before 1990  lines 2, 3, 4, 5; if they are numbers of days, set mapping.timeFormat: Days\n',
      );
      expect(out).toMatch(/^Items\n {2}unknown +1 {2}in 1 event, not in the items file\n/m);
      expect(out).not.toMatch(/^Users\n/m);
      expect(err).toContain('4 events of 2 users on 2 items, 1 duplicate');
    }
  });

  it('writes the refused lines to a file', async () => {
    const folder = await filesOf({ 'orders.csv': orders });
    const [path, refused] = [join(folder, 'orders.csv'), join(folder, 'refused.jsonl')];
    await run(['import', '--events', path, '--home', join(folder, 'home'), '--refused', refused]);
    expect(
      (await readFile(refused, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([{ path, kind: 'events', line: 5, field: 'occurredAt', reason: 'missing', raw: '536368,b,1,,u2' }]);
  });

  it('writes the refused lines into a pipe, and through a link, and keeps both', async () => {
    const folder = await filesOf({ 'orders.csv': orders });
    const written = await filesOf({ 'refused.jsonl': 'previous' });
    const [pipe, link] = [join(written, 'pipe'), join(written, 'link')];
    execFileSync('mkfifo', [pipe]);
    await symlink(join(written, 'refused.jsonl'), link);
    const validate = (refused: string): ReturnType<typeof run> =>
      run(['validate', '--events', join(folder, 'orders.csv'), '--refused', refused]);
    // Without blocking, so that a pipe that receives nothing fails the test.
    const reader = new Socket({ fd: openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK) });
    onTestFinished(() => void reader.destroy());
    const piped = validate(pipe);
    const [chunk] = (await once(reader, 'data')) as [Buffer];
    expect(chunk.toString()).toContain('536368');
    expect((await piped).code).toBe(0);
    expect((await lstat(pipe)).isFIFO()).toBe(true);
    expect((await validate(link)).code).toBe(0);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(join(written, 'refused.jsonl'), 'utf8')).toContain('536368');
    expect((await readdir(written)).sort()).toEqual(['link', 'pipe', 'refused.jsonl']);
    expect((await validate(written)).err).toContain('it is a folder');
    await rm(join(written, 'refused.jsonl'));
    expect((await validate(link)).err).toContain('which does not exist');
  });

  it('never overwrites a file that it reads', async () => {
    const folder = await filesOf({ 'orders.csv': orders });
    const path = join(folder, 'orders.csv');
    const link = join(await temporaryFolder(), 'link');
    await symlink(path, link);
    for (const refused of [path, link]) {
      const { code, err } = await run(['validate', '--events', path, '--refused', refused]);
      expect([code, err]).toEqual([2, expect.stringContaining('it is one of the files to read')]);
      expect(await readFile(path, 'utf8')).toBe(orders);
    }
  });

  it.each([
    ['a folder', (folder: string) => folder, 'refused.jsonl'],
    ['a pattern', (folder: string) => join(folder, 'orders*'), 'orders-refused.txt'],
  ])('refuses to write refused lines where the next import of %s reads them', async (_, sourceOf, name) => {
    const folder = await filesOf({ 'orders.csv': orders });
    const [source, refused] = [sourceOf(folder), join(folder, name)];
    for (const command of ['validate', 'import']) {
      const { code, err } = await run([command, '--events', source, '--home', join(folder, 'h'), '--refused', refused]);
      expect([code, err]).toEqual([2, expect.stringContaining(`the next import of ${source} would read it`)]);
    }
    expect(await readdir(folder)).toEqual(['orders.csv']);
    const other = join(folder, 'refused.txt');
    expect((await run(['validate', '--events', source, '--refused', other])).code).toBe(0);
    expect(await readFile(other, 'utf8')).toContain('536368');
  });

  it('writes nothing when more than --max-refused is refused', async () => {
    const folder = await filesOf({ 'orders.csv': orders });
    const home = join(folder, 'home');
    const args = ['import', '--events', join(folder, 'orders.csv'), '--home', home, '--max-refused'];
    const { code, err } = await run([...args, '5%']);
    expect([code, err]).toEqual([3, expect.stringContaining('1 of 4 rows of events are refused (25.0 %)')]);
    await expect(readFile(home)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await run([...args, '0.25'])).code).toBe(0);
  });

  it('refuses a catalog of which most rows are refused', async () => {
    const folder = await filesOf({ 'items.csv': `sku,name\n${',Lamp\n'.repeat(30)}` });
    const { code, err } = await run(['import', '--items', join(folder, 'items.csv'), '--home', join(folder, 'home')]);
    expect([code, err]).toEqual([3, expect.stringContaining('Most of the first 30 rows of items are invalid')]);
  });

  it.each([
    [['import'], /name files with --events, --items or --users/],
    [['import', '--events', '-'], /Cannot tell the format of standard input/],
    [['import', '--items', '-', '--events', '-', '--format', 'csv'], /"-" is given twice/],
    [['import', '--events', 'x.csv', '--max-refused', '120%'], /Write a share such as 5%/],
    [['import', '--events', 'x.csv', '--format', 'xml'], /Allowed choices are csv, tsv, jsonl, parquet, recbole/],
    [['validate', '--items', 'x.csv', '--day', '2024-01-01'], /cannot be used with option/],
  ])('%j is wrong usage', async (args, message) => {
    const { code, err } = await run(args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
