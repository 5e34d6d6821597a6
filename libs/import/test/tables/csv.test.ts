import fc from 'fast-check';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '@facet/testing';
import { readAll } from './read-all.ts';

async function readCsv(text: string | Buffer, name = 'file.csv') {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  const { columns, rows, broken } = await readAll(path);
  return {
    names: columns.map((column) => column.name),
    rows: rows.map(({ line, cells }) => [line, ...cells]),
    broken: broken.map(({ line, reason }) => [line, reason]),
  };
}

describe('CSV', () => {
  it('reads what a general CSV parser reads', async () => {
    const folder = await temporaryFolder();
    const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', ';', '\n', '\r\n', ' ', '😀') });
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const written = fc
      .tuple(cell, fc.boolean())
      .map(([text, always]) => (always || /[",\r\n]/.test(text) ? quoted(text) : text));
    const table = fc.array(fc.tuple(written, written, written), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom('\n', '\r\n'), async (records, end) => {
        const text = ['a,b,c', ...records.map((record) => record.join(','))].join(end);
        const path = join(folder, 'file.csv');
        await writeFile(path, text);
        const { rows, broken } = await readAll(path);
        // Line ends inside cells are read as LF.
        const expected = parse(text.replaceAll('\r\n', '\n'), { relax_quotes: true, from: 2 }) as string[][];
        expect(rows.map((row) => row.cells)).toEqual(expected);
        expect(broken).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('reports every broken line and reads all others', async () => {
    const text = [
      'user,item,time', // 1
      'u1,i1,t1',
      'u2,i2', // 3: too few
      'u3,i3,t3,more', // 4: too many
      '', // 5: blank
      '"u6",i6,"t6', // 6: the quote never closes
      'u7,i7,t7',
      '"u8" x,i8,t8', // 8: text after the quote
      '"u9","i""9","t\n9"', // 9 and 10: one row
      'u11,i"11,t11,', // 11: a quote in the middle, a trailing comma
    ];
    const bytes = Buffer.concat([
      Buffer.from(`${text.join('\n')}\nu12,`),
      Buffer.from([0xff]),
      Buffer.from(',t12\nu13,i13,t13'),
    ]);
    expect(await readCsv(bytes)).toEqual({
      names: ['user', 'item', 'time'],
      rows: [
        [2, 'u1', 'i1', 't1'],
        [7, 'u7', 'i7', 't7'],
        [9, 'u9', 'i"9', 't\n9'],
        [11, 'u11', 'i"11', 't11', ''],
        [13, 'u13', 'i13', 't13'],
      ],
      broken: [
        [3, 'wrong-column-count'],
        [4, 'wrong-column-count'],
        [6, 'quote-not-closed'],
        [8, 'bad-quoting'],
        [12, 'not-utf8'],
      ],
    });
  });

  it('loses one row to an unclosed quote', async () => {
    const rows = Array.from({ length: 3000 }, (_, index) => `u${index},i${index}`);
    rows[1500] = '"u1500,i1500';
    const { rows: read, broken } = await readCsv(`user,item\n${rows.join('\n')}\n`);
    expect(broken).toEqual([[1502, 'quote-not-closed']]);
    expect(read).toHaveLength(2999);
    expect(read.at(-1)).toEqual([3001, 'u2999', 'i2999']);
  });

  it('reads a file in which every line opens a quote, in time that grows with its size', async () => {
    const lines = 5_000;
    const { rows, broken } = await readCsv(`user,item\n${'x","y\n'.repeat(lines)}`);
    expect(rows).toEqual([]);
    expect(broken).toEqual(Array.from({ length: lines }, (_, at) => [at + 2, 'quote-not-closed']));
  });

  it.each([
    ['a;b;c\n1,5;2;3', ['1,5', '2', '3']],
    ['"a;x";b\n1;2', ['1', '2']],
    ['a|b\n1|2', ['1', '2']],
    ['a\tb\n1\t2', ['1', '2']],
    ['one\n1', ['1']],
  ])('guesses the delimiter of %j', async (text, cells) => {
    expect((await readCsv(text)).rows).toEqual([[2, ...cells]]);
  });
});

describe('TSV', () => {
  it('reads quotes as characters unless they wrap a whole cell', async () => {
    const text = 'id\ttitle\n1\tRECORD FRAME 7" SINGLE\n2\t"TEA" FOR "ONE"\n3\t"a ""b"""\n4\t"\n';
    expect((await readCsv(text, 'items.tsv')).rows).toEqual([
      [2, '1', 'RECORD FRAME 7" SINGLE'],
      [3, '2', '"TEA" FOR "ONE"'],
      [4, '3', 'a "b"'],
      [5, '4', '"'],
    ]);
  });
});
