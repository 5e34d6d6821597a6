import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { withDuckDb } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { openTable } from '../../src/tables/open-table.ts';
import { readAll } from './read-all.ts';

async function fileOf(name: string, content: string | Buffer): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

describe('gzip', () => {
  it('is detected by its bytes, also with several members', async () => {
    const packed = Buffer.concat([gzipSync('a,b\n1,2\n'), gzipSync('3,4\n')]);
    for (const name of ['file.csv.gz', 'file.csv']) {
      const { rows } = await readAll(await fileOf(name, packed));
      expect(rows.map((row) => row.cells)).toEqual([
        ['1', '2'],
        ['3', '4'],
      ]);
    }
  });

  it('that is truncated is an error, not a shorter file', async () => {
    const path = await fileOf('file.csv.gz', gzipSync(Buffer.from(`a,b\n${'1,2\n'.repeat(5000)}`)));
    await truncate(path, 40);
    await expect(readAll(path)).rejects.toMatchObject({ code: 'EVENTS_FILE_DAMAGED' });
  });
});

describe('JSON Lines', () => {
  it('turns keys into columns as they appear and reports broken lines', async () => {
    const lines = ['{"a":1,"b":"x"}', '', '{"a":', '[1]', '{"c":true,"a":2}', '"text"'];
    const { columns, rows, broken } = await readAll(await fileOf('events.jsonl', lines.join('\r\n')));
    expect(columns.map((column) => column.name)).toEqual(['a', 'b', 'c']);
    expect(rows).toEqual([
      { line: 1, raw: lines[0], cells: [1, 'x'] },
      { line: 5, raw: lines[4], cells: [2, undefined, true] },
    ]);
    expect(broken.map(({ line, reason }) => [line, reason])).toEqual([
      [3, 'not-json'],
      [4, 'not-an-object'],
      [6, 'not-an-object'],
    ]);
  });

  it('reads Python dicts, as in the product files of Amazon', async () => {
    const dict = String.raw`{'asin': '1', u'title': "It's a \"cup\"", 'note': 'l\'\xe9t\u00e9 \u2665\n', 'price': None, 'used': False, 'tags': [['a'], []]}`;
    const { rows, broken } = await readAll(await fileOf('meta.json', `${dict}\n{'a': b}\n`));
    expect(rows[0]!.cells).toEqual(['1', 'It\'s a "cup"', "l'été ♥\n", null, false, [['a'], []]]);
    expect(broken.map(({ reason }) => reason)).toEqual(['not-json']);
  });

  it('refuses a file whose first lines are no objects', async () => {
    await expect(readAll(await fileOf('events.json', '{\n  "a": 1\n}\n'))).rejects.toMatchObject({
      code: 'EVENTS_FORMAT_UNKNOWN',
    });
  });

  it('refuses one large array and shows how to convert it', async () => {
    await expect(readAll(await fileOf('events.json', '[{"a":1},\n{"a":2}]'))).rejects.toMatchObject({
      code: 'EVENTS_JSON_ARRAY',
      remedy: expect.stringContaining('jq') as string,
    });
  });
});

describe('files without a header', () => {
  it('have the columns that the setting names, and names by position for the others', async () => {
    const { columns, rows } = await readAll(await fileOf('log.dat', '1;2;pv\n3;4;buy\n'), { header: ['user', 'item'] });
    expect(columns.map(({ name }) => name)).toEqual(['user', 'item', 'column 3']);
    expect(rows.map(({ cells }) => cells[2])).toEqual(['pv', 'buy']);
    await expect(openTable(await fileOf('log.csv', '1,2\n'), { header: ['a', 'b', 'c'] })).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
    });
  });

  it('need an encoding if the first line is not UTF-8', async () => {
    const latin1 = Buffer.from('1,Amélie\n2,Heat\n', 'latin1');
    await expect(openTable(await fileOf('titles.csv', latin1))).rejects.toMatchObject({
      code: 'EVENTS_FILE_NOT_TEXT',
      remedy: expect.stringContaining('encoding: windows-1252') as string,
    });
  });
});

describe('other encodings and compressions', () => {
  const text = 'user;title\nu1;Café 茶\n';

  it('reads UTF-16 by its byte order mark, and any encoding by its name', async () => {
    const cellsOf = async (content: Buffer, encoding?: string) =>
      (await readAll(await fileOf('e.csv', content), { encoding })).rows.map(({ cells }) => cells);
    const swapped = Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
    expect(await cellsOf(Buffer.from(`\ufeff${text}`, 'utf16le'))).toEqual([['u1', 'Café 茶']]);
    expect(await cellsOf(swapped)).toEqual([['u1', 'Café 茶']]);
    expect(await cellsOf(Buffer.from('user\nCaf\xe9 \x80\n', 'latin1'), 'windows-1252')).toEqual([['Café €']]);
    const latin = await readAll(await fileOf('e.csv', Buffer.from('user\nCaf\xe9\n', 'latin1')), { encoding: 'utf8' });
    expect(latin.broken.map(({ reason }) => reason)).toEqual(['not-utf8']);
    await expect(cellsOf(Buffer.from(text), 'klingon')).rejects.toMatchObject({ code: 'EVENTS_ENCODING_UNKNOWN' });
  });

  it('reads Zstandard, and refuses a truncated file', async () => {
    // "a,b\n1,2\n" and 100,000 times "3,4\n", compressed by zstd 1.5.
    const packed = Buffer.from(
      'KLUv/QRonAAAWGEsYgoxLDIKMyw0AQDy//LrBUQAAAABAP3/8gsERAAAAAEA/f85AAI9AAAAAQCF2gMgypGjFQ==',
      'base64',
    );
    const { rows } = await readAll(await fileOf('e.csv.zst', packed));
    expect([rows[0]?.cells, rows.length, rows.at(-1)?.cells]).toEqual([['1', '2'], 100_001, ['3', '4']]);
    await expect(readAll(await fileOf('e.csv.zst', packed.subarray(0, -8)))).rejects.toMatchObject({
      code: 'EVENTS_FILE_DAMAGED',
    });
  });
});

describe('spreadsheet exports', () => {
  it('may declare their delimiter, and have columns without a name', async () => {
    const { columns, rows } = await readAll(await fileOf('e.csv', 'sep=;\r\nuser;item;;\r\nu,1;i;;\r\n'));
    expect(columns.map(({ name }) => name)).toEqual(['user', 'item', 'column 3', 'column 4']);
    expect(rows).toEqual([{ line: 3, raw: 'u,1;i;;', cells: ['u,1', 'i', '', ''] }]);
  });

  it('names the encoding of a header that follows the delimiter', async () => {
    const path = await fileOf('e.csv', Buffer.from('sep=;\r\nuser;Gr\xf6\xdfe\r\nu;1\r\n', 'latin1'));
    await expect(openTable(path)).rejects.toMatchObject({ code: 'EVENTS_FILE_NOT_TEXT' });
  });
});

it('keeps all digits of JSON ids above 2^53', async () => {
  const line =
    '{"user":7205759403792793601,"note":"1234567890123456789","at":-7205759403792793603,"rate":0.30000000000000004,"path":"a\\/b"}';
  const { rows } = await readAll(await fileOf('e.jsonl', line));
  expect(rows[0]!.cells).toEqual([
    '7205759403792793601',
    '1234567890123456789',
    '-7205759403792793603',
    0.30000000000000004,
    'a/b',
  ]);
});

describe('nested JSON', () => {
  it('gives the values of paths as columns', async () => {
    const lines = ['{"user":{"id":7},"item":"i"}', '{"user":5,"user.id":"own"}'];
    const { columns, rows } = await readAll(await fileOf('e.jsonl', lines.join('\n')), { nestedPaths: ['user.id'] });
    expect(columns.map(({ name }) => name)).toEqual(['user.id', 'user', 'item']);
    expect(rows.map(({ cells }) => cells[0])).toEqual([7, 'own']);
    const misspelled = await readAll(await fileOf('e.jsonl', lines.join('\n')), { nestedPaths: ['user.uid'] });
    expect(misspelled.columns.map(({ name }) => name)).not.toContain('user.uid');
  });
});

describe('MovieLens 1M', () => {
  it('has columns by the name of the file, two colons between cells, and text in Latin-1 or UTF-8', async () => {
    const movies = '1::Toy Story (1995)::Animation|Comedy\n73::Café, The (1995)::Drama\n';
    const { columns, rows } = await readAll(await fileOf('movies.dat', Buffer.from(movies, 'latin1')));
    expect(columns).toEqual([
      { name: 'itemId', kind: 'text' },
      { name: 'title', kind: 'text' },
      { name: 'genres', kind: 'list', separator: '|' },
    ]);
    expect(rows.map((row) => row.cells)).toEqual([
      ['1', 'Toy Story (1995)', 'Animation|Comedy'],
      ['73', 'Café, The (1995)', 'Drama'],
    ]);
    const utf8 = await readAll(await fileOf('movies.dat', Buffer.from(`\uFEFF${movies}`)));
    expect(utf8.rows.map((row) => row.cells)).toEqual(rows.map((row) => row.cells));
    await expect(readAll(await fileOf('ratings.dat', ''))).rejects.toMatchObject({
      code: 'EVENTS_FILE_EMPTY',
      message: expect.stringMatching(/ratings\.dat is empty\.$/),
    });
    const ratings = await readAll(await fileOf('ratings.dat.gz', gzipSync('1::73::5::978300760\n')));
    expect(ratings.columns.map(({ name }) => name)).toEqual(['userId', 'itemId', 'rating', 'timestamp']);
    expect(ratings.rows).toEqual([{ line: 1, raw: '1::73::5::978300760', cells: ['1', '73', '5', '978300760'] }]);
    const other = await fileOf('tags.dat', '1::73::fun::978300760\n');
    await expect(openTable(other, { format: 'movielens' })).rejects.toMatchObject({ code: 'EVENTS_FORMAT_UNKNOWN' });
  });
});

describe('RecBole atomic files', () => {
  it('are read with typed headers and without quoting', async () => {
    const text =
      'item_id:token\tmovie_title:token_seq\tclass:token_seq\tprice:float\n1\t"Toy" Story\tComedy Kids\t2.5\n';
    const { columns, rows } = await readAll(await fileOf('ml.item', text));
    expect(columns).toEqual([
      { name: 'item_id', kind: 'text' },
      { name: 'movie_title', kind: 'list', separator: ' ' },
      { name: 'class', kind: 'list', separator: ' ' },
      { name: 'price', kind: 'number' },
    ]);
    expect(rows[0]?.cells).toEqual(['1', '"Toy" Story', 'Comedy Kids', '2.5']);
  });
});

describe('Parquet', () => {
  it('gives plain cells for every kind of column', async () => {
    const path = join(await temporaryFolder(), 'events.parquet');
    await withDuckDb({}, (connection) =>
      connection.run(
        `COPY (SELECT 'u' || i AS user_id, 9007199254740993 + i AS item_id, TIMESTAMP '2024-01-15 12:00:00' AS at,
           DATE '2024-01-15' AS day, 1.5::FLOAT AS value, i % 2 = 0 AS flag, ['a', NULL, 'b'] AS tags,
           {'x': i} AS nested, NULL::VARCHAR AS nothing, 7::SMALLINT AS small, 2.25::DECIMAL(9,2) AS price
         FROM range(40000) t(i)) TO '${path}' (FORMAT parquet)`,
      ),
    );
    let bytesRead = 0;
    const { columns, rows } = await readAll(path, { onBytes: (bytes) => (bytesRead = bytes) });
    expect(rows).toHaveLength(40_000);
    expect(rows[39_999]?.line).toBe(40_000);
    expect(rows[1]?.cells).toEqual([
      'u1',
      '9007199254740994',
      Date.UTC(2024, 0, 15, 12),
      Date.UTC(2024, 0, 15),
      1.5,
      false,
      ['a', 'b'],
      { x: 1 },
      null,
      7,
      '2.25',
    ]);
    expect(columns.map((column) => column.kind)).toEqual([
      'text',
      'number',
      'time',
      'time',
      'number',
      'boolean',
      'any',
      'any',
      'text',
      'number',
      'number',
    ]);
    expect(bytesRead).toBe(await openTableBytes(path));
  });

  it('reads paths into nested values as columns', async () => {
    const path = join(await temporaryFolder(), 'nested.parquet');
    await withDuckDb({}, (connection) =>
      connection.run(
        `COPY (SELECT {'id': 9007199254740993, 'at': {'day': DATE '2024-01-15'}} AS user, 'i' AS item)
         TO '${path}' (FORMAT parquet)`,
      ),
    );
    const { columns, rows } = await readAll(path, { nestedPaths: ['user.id', 'user.at.day', 'user.name', 'shop.id'] });
    expect(columns.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'user any',
      'item text',
      'user.id number',
      'user.at.day time',
    ]);
    expect(rows[0]?.cells.slice(1)).toEqual(['i', '9007199254740993', Date.UTC(2024, 0, 15)]);
  });

  it('that is damaged is refused', async () => {
    await expect(readAll(await fileOf('x.parquet', 'PAR1 and nothing more'))).rejects.toMatchObject({
      code: 'EVENTS_FILE_DAMAGED',
    });
  });
});

async function openTableBytes(path: string): Promise<number> {
  const table = await openTable(path);
  await table.close();
  return table.bytes;
}

describe('refused files', () => {
  it.each([
    ['absent.csv', undefined, 'EVENTS_FILE_UNREADABLE'],
    ['empty.csv', '', 'EVENTS_FILE_EMPTY'],
    ['blank.tsv', '\n\n', 'EVENTS_FILE_EMPTY'],
    ['empty.jsonl', '', 'EVENTS_FILE_EMPTY'],
    ['data.xyz', 'a,b\n', 'EVENTS_FORMAT_UNKNOWN'],
    ['sheet.csv', 'PK\u0003\u0004rest', 'EVENTS_FORMAT_UNKNOWN'],
    ['twice.csv', 'a,b,a\n1,2,3', 'EVENTS_HEADER_AMBIGUOUS'],
  ])('%s', async (name, content, code) => {
    const path = content === undefined ? join(await temporaryFolder(), name) : await fileOf(name, content);
    await expect(openTable(path)).rejects.toMatchObject({ code });
  });

  it('an empty file, which lacks more than a header', async () => {
    await expect(openTable(await fileOf('empty.csv', ''))).rejects.toThrow(/empty\.csv is empty\.$/);
  });

  it('a folder', async () => {
    await expect(openTable(await temporaryFolder())).rejects.toMatchObject({ code: 'EVENTS_FILE_UNREADABLE' });
  });
});
