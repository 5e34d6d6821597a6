// cspell:ignore verfügbar preis nein vielleicht Lglls
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { withDuckDb } from '@facet/lake';
import type { Event } from '@facet/schemas';
import { forTest, noon, temporaryFolder } from '@facet/testing';
import { createCatalogRowParser } from '../../src/mapping/catalog-rows.ts';
import { cellNumber } from '../../src/mapping/cell-values.ts';
import { ColumnMappingSchema } from '../../src/mapping/column-mapping.ts';
import type { ColumnMapping, ItemMapping } from '../../src/mapping/column-mapping.ts';
import { contentEventId, createEventRowParser, hasPlainInvoice } from '../../src/mapping/event-rows.ts';
import { openTable } from '../../src/tables/open-table.ts';
import type { Table, TableRow } from '../../src/tables/table.ts';

async function tableOf(
  name: string,
  text: string,
): Promise<{ table: Table; rows: TableRow[]; reopen: () => Promise<Table> }> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, text);
  const reopen = (): Promise<Table> => openTable(path);
  const table = await reopen();
  const rows: TableRow[] = [];
  for await (const chunk of table.chunks) rows.push(...chunk.rows);
  return { table, rows, reopen };
}

async function eventsOf(name: string, text: string, options: { mapping?: ColumnMapping; types?: string[] } = {}) {
  const { table, rows, reopen } = await tableOf(name, text);
  const plainInvoice = await hasPlainInvoice(table, options.mapping ?? {}, { reopen });
  const parser = createEventRowParser(table, { ...options, hasPlainInvoice: plainInvoice });
  const parsed = rows.map((row) => parser.parse(row, noon));
  return {
    parsed,
    columns: parser.columns,
    ignored: parsed.map((row) => (row.ok ? (row.ignored ?? []).map(({ field, reason }) => `${field}: ${reason}`) : [])),
    events: parsed.map((row) => (row.ok ? row.record : `${row.field}: ${row.reason}`)),
  };
}

describe('event rows', () => {
  it.each([
    ['customer,stock_code,datetime', { userId: 'customer', itemId: 'stock_code', occurredAt: 'datetime' }],
    ['User ID,ProductId,Time', { userId: 'User ID', itemId: 'ProductId', occurredAt: 'Time' }],
    [
      'timestamp,visitorid,event,itemid,transactionid',
      { userId: 'visitorid', type: 'event', sessionId: 'transactionid' },
    ],
    ['user_id,parent_asin,rating,timestamp', { itemId: 'parent_asin', value: 'rating' }],
    [
      'user,item,time,event_id,session_id,position',
      { eventId: 'event_id', sessionId: 'session_id', position: 'position' },
    ],
    // Amazon describes the parent of variants, and counts stars in "overall".
    [
      'reviewerID,asin,parent_asin,overall,unixReviewTime',
      { itemId: 'parent_asin', value: 'overall', occurredAt: 'unixReviewTime' },
    ],
    ['household_key,ISBN,date', { userId: 'household_key', itemId: 'ISBN', occurredAt: 'date' }],
    // A rating is preferred to a price, and an item id to a name.
    ['user,item,movie_id,ts,price,rating,quantity', { itemId: 'item', value: 'rating' }],
  ])('finds the fields of %s', async (header, columns) => {
    expect((await eventsOf('e.csv', `${header}\n`)).columns).toMatchObject(columns);
  });

  it('does not read a column id as the event id, because two files may both count from 1', async () => {
    expect((await eventsOf('e.csv', 'id,user,item,time\n')).columns).not.toHaveProperty('eventId');
  });

  it('uses the default type of the mapping, or rating or purchase by the value column', async () => {
    const typesOf = async (header: string, mapping?: ColumnMapping): Promise<unknown[]> => {
      const { events } = await eventsOf('e.csv', `user,item,time${header}\nu,i,2020-01-01,4`, {
        ...(mapping && { mapping }),
      });
      return events.map((event) => (typeof event === 'string' ? event : event.type));
    };
    expect(await typesOf(',rating')).toEqual(['rating']);
    expect(await typesOf(',quantity')).toEqual(['purchase']);
    expect(await typesOf(',quantity', { defaultType: 'view' })).toEqual(['view']);
  });

  it('reads common type names and those of the mapping, and refuses other types', async () => {
    const text = [
      'user,item,time,behavior',
      ...['pv', 'Add-To-Cart', 'buy', 'fav', 'liked', ''].map((type) => `u,i,2020-01-01,${type}`),
    ];
    const { events } = await eventsOf('e.csv', text.join('\n'), {
      mapping: { typeNames: { fav: 'favorite' } },
      types: ['favorite'],
    });
    expect(events.map((event) => (typeof event === 'string' ? event : event.type))).toEqual([
      'view',
      'add_to_cart',
      'purchase',
      'favorite',
      'type: unknown-type',
      'type: missing',
    ]);
  });

  it('reports the invalid field', async () => {
    const text = [
      'user,item,time',
      ',i,2020-01-01',
      'u, ,2020-01-01',
      'u,i,',
      'u,i,01/02/2020',
      'u,i,2099-01-01',
      `${'x'.repeat(257)},i,2020-01-01`,
    ];
    expect((await eventsOf('e.csv', text.join('\n'))).events).toEqual([
      'userId: missing',
      'itemId: missing',
      'occurredAt: missing',
      'occurredAt: time-order-unclear',
      'occurredAt: time-in-future',
      'userId: too-long',
    ]);
  });

  it('accepts a row without the optional fields that cannot be read', async () => {
    const text = [
      'user,item,time,value,position,session_id,event_id',
      'u,i,2020-01-01 10:00,"1,234",first,,',
      `u,i,2020-01-01 10:00,0x10,-1,${'s'.repeat(257)},${'e'.repeat(257)}`,
      'u,i,2020-01-01 10:00,"1,5",2,s1,e1',
    ];
    const { events, ignored } = await eventsOf('e.csv', text.join('\n'));
    expect(ignored).toEqual([
      ['value: not-a-number', 'position: not-a-whole-number'],
      ['value: not-a-number', 'eventId: too-long', 'sessionId: too-long', 'position: negative'],
      [],
    ]);
    const content = { userId: 'u', itemId: 'i', type: 'purchase', occurredAt: Date.UTC(2020, 0, 1, 10) };
    const bare = { ...content, eventId: contentEventId(content), receivedAt: noon };
    expect(events).toEqual([
      bare,
      bare,
      { ...content, eventId: 'e1', receivedAt: noon, value: 1.5, position: 2, sessionId: 's1' },
    ]);
  });

  const quantities = ['Quantity', 'units_sold', 'Quantity Ordered'];
  it.each(quantities)(
    'turns returns of a shop into events of type return, unless the mapping keeps them (%s)',
    async (quantity) => {
      const text = [
        `InvoiceNo,StockCode,${quantity},InvoiceDate,CustomerID`,
        'C536378,a,1,2010-12-01 08:00,u',
        '536379,a,6,2010-12-01 08:26,u',
        '536379,a,-1,2010-12-01 08:26,u',
        'C536380,a,2,2010-12-01 09:41,u',
      ].join('\n');
      const typesOf = async (mapping?: ColumnMapping): Promise<unknown[]> =>
        (await eventsOf('e.csv', text, { ...(mapping && { mapping }) })).events.map((event) =>
          typeof event === 'string' ? event : event.type,
        );
      expect(await typesOf()).toEqual(['return', 'purchase', 'return', 'return']);
      expect(await typesOf({ returns: 'keep' })).toEqual(['purchase', 'purchase', 'purchase', 'purchase']);
    },
  );

  it('stops looking for a plain invoice when aborted', async () => {
    const path = join(await temporaryFolder(), 'e.csv');
    await writeFile(path, 'user,item,time,invoice\nu,i,2020-01-01,C536379\n');
    const table = forTest(await openTable(path));
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(hasPlainInvoice(table, {}, { reopen: () => openTable(path), signal })).rejects.toThrow('stop');
  });

  it('names the value inside an object that has the name of a field', async () => {
    const lines = [
      {
        user: 'u',
        item: 'i',
        time: 1704103200,
        session: { at: '10:00', id: 7 },
        event_id: { $oid: 'e' },
        price: { eur: 3 },
      },
      { user: { name: { first: 'Ada' }, user_id: 5 }, item: 'i', time: 1704103200 },
      { user: 'u', item: ['i'], time: 1704103200 },
      { user: 'u', item: 'i', time: { $date: '2024-01-01T10:00:00Z' } },
    ];
    const { parsed } = await eventsOf('e.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    expect(parsed[0]).toMatchObject({
      ok: true,
      ignored: [
        { field: 'value', reason: 'not-a-number', cell: { eur: 3 }, nestedPath: 'price.eur' },
        { field: 'eventId', reason: 'not-text', cell: { $oid: 'e' }, nestedPath: 'event_id.$oid' },
        { field: 'sessionId', reason: 'not-text', cell: { at: '10:00', id: 7 }, nestedPath: 'session.id' },
      ],
    });
    expect(parsed.slice(1)).toEqual([
      { ok: false, field: 'userId', reason: 'not-text', nestedPath: 'user.user_id' },
      { ok: false, field: 'itemId', reason: 'not-text', nestedPath: undefined },
      { ok: false, field: 'occurredAt', reason: 'not-a-time', nestedPath: 'time.$date' },
    ]);
  });

  it('suggests the paths of objects for required fields without a column', async () => {
    const line = { customer: 'c', data: { item: { name: 'Lamp', id: 5 }, at: { time: 1704103200 } } };
    await expect(eventsOf('e.jsonl', JSON.stringify(line))).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
      remedy: 'Map the column in facet.yaml: mapping: { itemId: data.item.id, occurredAt: data.at.time }.',
    });
  });

  it('refuses words that mean a missing id, unless the mapping calls them ids', async () => {
    const words = ['NULL', 'NaN', '\\N', 'null', 'None'];
    const text = [
      'user,item,time,session',
      ...words.flatMap((word) => [`${word},i,2024-01-01,s`, `u,${word},2024-01-01,s`]),
    ];
    const { events } = await eventsOf('e.csv', text.join('\n'));
    expect(events).toEqual(words.flatMap(() => ['userId: missing-word', 'itemId: missing-word']));
    const kept = await eventsOf('e.csv', text.join('\n'), { mapping: { missingIds: ['guest'] } });
    expect(kept.events).toHaveLength(10);
    expect(kept.events.every((event) => typeof event !== 'string')).toBe(true);
    const guest = await eventsOf('e.csv', 'user,item,time\nguest,i,2024-01-01', { mapping: { missingIds: ['guest'] } });
    expect(guest.events).toEqual(['userId: missing-word']);
  });

  it('ignores words that mean a missing session', async () => {
    const { events, ignored } = await eventsOf('e.csv', 'user,item,time,session\nu,i,2024-01-01,NULL');
    expect(events[0]).not.toHaveProperty('sessionId');
    expect(ignored).toEqual([[]]);
  });

  it('refuses a mapped column of values that may contain ratings or amounts', async () => {
    const text = 'user,item,time,vote\nu,i,2024-01-01,1\n';
    await expect(eventsOf('e.csv', text, { mapping: { value: 'vote' } })).rejects.toMatchObject({
      code: 'EVENTS_VALUE_UNCLEAR',
      message: expect.stringContaining('"vote"') as string,
      remedy: expect.stringContaining('mapping.defaultType') as string,
    });
    const rating = await eventsOf('e.csv', text, { mapping: { value: 'vote', defaultType: 'rating' } });
    expect(rating.events).toMatchObject([{ type: 'rating', value: 1 }]);
    // Ratings at a path need the type, too: purchases of an earlier import would count twice as ratings.
    const { table } = await tableOf(
      'e.jsonl',
      '{"user":"u","item":"i","time":1704103200,"review.rating":4,"order.amount":5}',
    );
    expect(() => createEventRowParser(table, { mapping: { value: 'review.rating' } })).toThrow('"review.rating"');
    expect(createEventRowParser(table, { mapping: { value: 'order.amount' } }).defaultType).toBe('purchase');
  });

  it('gives rows without a time of day ids of all their columns, in any order', async () => {
    const rows = ['1,red', '2,red', '2,blue', '1,red', ','];
    const idsOf = async (name: string, text: string): Promise<string[]> =>
      (await eventsOf(name, text)).events.map((event) => (typeof event === 'string' ? event : event.eventId));
    const table = (ordered: readonly string[]): string =>
      ['user,item,date,order,color', ...ordered.map((row) => `u,i,2024-01-01,${row}`)].join('\n');
    const ids = await idsOf('e.csv', table(rows));
    const content = { userId: 'u', itemId: 'i', type: 'purchase' };
    const bare = contentEventId({ ...content, occurredAt: Date.UTC(2024, 0, 1) });
    expect(ids).toEqual([ids[0], ids[1], ids[2], ids[0], bare]);
    expect(new Set(ids).size).toBe(4);
    expect(await idsOf('e.csv', table(rows.toReversed()))).toEqual(ids.toReversed());
    const reordered = 'color,order,date,user,item\nred,1,2024-01-01,u,i';
    expect(await idsOf('e.csv', reordered)).toEqual([ids[0]]);
    const json = { user: 'u', item: 'i', date: '2024-01-01', order: 1, color: 'red' };
    expect(await idsOf('e.jsonl', JSON.stringify(json))).toEqual([ids[0]]);
    expect(await idsOf('e.csv', 'user,item,date,order,colour\nu,i,2024-01-01,1,red')).not.toEqual([ids[0]]);
    const timed = contentEventId({ ...content, occurredAt: Date.UTC(2024, 0, 1, 10) });
    const withTime = 'user,item,date,order\nu,i,2024-01-01 10:00,1\nu,i,2024-01-01 10:00,2';
    expect(await idsOf('e.csv', withTime)).toEqual([timed, timed]);
    // Ids never change, because lakes contain them.
    expect(ids.slice(0, 3)).toMatchInlineSnapshot(`
      [
        "reNw9K1qB2rx1FzOovMg5p",
        "NQ6kM7DYLRhPqLgllsPQxX",
        "mz_-ed4CM3UWnxJqKjYIW-",
      ]
    `);
  });

  it.each(['-1,000', '-$5.00', '$ -5', '(5)', '5-', '−5', '-5,00 EUR', 'EUR -5'])(
    'reads %s as a negative quantity',
    async (quantity) => {
      const { events } = await eventsOf('e.tsv', `user\titem\ttime\tquantity\nu\ti\t2020-01-01\t${quantity}`);
      expect(events).toMatchObject([{ type: 'return' }]);
    },
  );

  it('keeps declared types that look like a usual name', async () => {
    const { events } = await eventsOf('e.csv', 'user,item,time,type\nu,i,2020-01-01,refund', { types: ['refund'] });
    expect(events).toMatchObject([{ type: 'refund' }]);
  });

  it('keeps other columns unchanged and hashes the content of rows without an id', async () => {
    const text = 'user,item,time,price,country,empty\n u1 ,i1,2020-01-01 10:00,2.50,FR,\n';
    const { events } = await eventsOf('e.csv', text);
    const content = { userId: 'u1', itemId: 'i1', type: 'purchase', occurredAt: Date.UTC(2020, 0, 1, 10), value: 2.5 };
    expect(events).toEqual([
      { ...content, eventId: contentEventId(content), receivedAt: noon, extra: { country: 'FR' } },
    ]);
  });

  it('reads the wire form from JSON Lines, including optional fields of later rows', async () => {
    const lines = [
      {
        eventId: 'e1',
        type: 'click',
        userId: 7,
        itemId: 'i',
        occurredAt: '2020-01-01T00:00:00Z',
        context: { page: 1 },
      },
      {
        eventId: 'e2',
        type: 'rating',
        userId: 'u',
        itemId: 'i',
        occurredAt: noon,
        value: 4,
        sessionId: 's',
        receivedAt: 5,
        x: [1],
      },
    ];
    const { events } = await eventsOf('e.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
    expect(events).toEqual([
      { ...lines[0], userId: '7', occurredAt: Date.UTC(2020, 0, 1), receivedAt: noon },
      {
        eventId: 'e2',
        type: 'rating',
        userId: 'u',
        itemId: 'i',
        occurredAt: noon,
        value: 4,
        sessionId: 's',
        receivedAt: noon,
        extra: { x: [1] },
      },
    ]);
  });

  it.each([
    ['UserBehavior.csv', '1,2268318,2520377,pv,1511544070', 'user_id, item_id, column3, type, timestamp'],
    ['clicks.dat', '1,2014-04-07T10:51:09.277Z,214536502,0', 'user_id, timestamp, item_id, column4'],
    ['ratings.csv', '0001527665,A3478QRKQDOPQ2,5.0,1362960000', 'item_id, user_id, rating, timestamp'],
    ['gowalla.txt', '0\t2010-10-19T23:55:27Z\t30.23\t-97.79\t22847', 'user_id, timestamp, column3, column4, item_id'],
    ['nyc.txt', '470\t49bbd6c0\t-240\tTue Apr 03 18:00:09 +0000 2012', 'user_id, item_id, column3, timestamp'],
    ['repeated.csv', '1,1,2020-01-01', 'user_id, item_id, timestamp'],
  ])('guesses the columns of %s, which has no header', async (name, line, columns) => {
    await expect(eventsOf(name, `${line}\n`)).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
      remedy: expect.stringContaining(`mapping: { columns: [${columns}] }.`) as string,
    });
  });

  it('shows how to use lines of ids and lines with several events', async () => {
    await expect(eventsOf('sequences.txt', '1 94 110\n')).rejects.toMatchObject({
      remedy: expect.stringMatching(/facet benchmark --protocol leave-one-out --data .*sequences\.txt$/) as string,
    });
    // Plural names of types are known, too.
    const clicks = await eventsOf('e.csv', 'user,item,time,type\nu,i,2020-01-01,clicks\nu,i,2020-01-01,orders');
    expect(clicks.events).toMatchObject([{ type: 'click' }, { type: 'purchase' }]);
    const session = { session: 1, events: [{ aid: 5, ts: 1661724000278, type: 'clicks' }] };
    await expect(eventsOf('train.jsonl', JSON.stringify(session))).rejects.toMatchObject({
      remedy: expect.stringMatching(
        /jq -c 'del\(\.events\) \+ \.events\[\]' .*train\.jsonl > events\.jsonl$/,
      ) as string,
    });
    // Afterwards, the session can be the user.
    await expect(eventsOf('e.jsonl', '{"session":1,"aid":5,"ts":1661724000278}')).rejects.toMatchObject({
      remedy: 'Map the column in facet.yaml: mapping: { userId: session }.',
    });
  });

  it('lists the columns when one is missing, and shows how to map it', async () => {
    await expect(eventsOf('e.csv', 'who,what,time\n')).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
      message: expect.stringMatching(/userId, itemId.*who, what, time/) as string,
      remedy:
        'Map the column in facet.yaml: mapping: { userId: <column>, itemId: <column> }. If the file has no such column, "Public data sets" in docs/benchmark.md says how to join or convert files.',
    });
    await expect(eventsOf('e.csv', 'who,what,time\n', { mapping: { userId: 'whom' } })).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
      message: expect.stringContaining('mapping.userId names the column "whom"') as string,
    });
    const mapping = { userId: 'who', itemId: 'what' };
    expect((await eventsOf('e.csv', 'who,what,time\nu,i,2020-01-01', { mapping })).events).toMatchObject([
      { userId: 'u', itemId: 'i' },
    ]);
  });
});

describe('contentEventId', () => {
  const content = { userId: 'u', itemId: 'i', type: 'purchase', occurredAt: 5 };

  it('never changes, because lakes contain it', () => {
    expect(contentEventId(content)).toBe(contentEventId({ ...content, value: undefined }));
    expect(contentEventId(content)).toMatchInlineSnapshot(`"Sl6aE_gZQnnKFlhQIs0ph9"`);
  });

  it('depends on every field, whatever separators the ids contain', () => {
    const others = [{ userId: 'v' }, { itemId: 'j' }, { type: 'view' }, { occurredAt: 6 }, { value: 0 }].map(
      (part) => ({ ...content, ...part }),
    );
    const shifted = [
      { ...content, userId: 'a","b', itemId: 'c' },
      { ...content, userId: 'a', itemId: 'b","c' },
    ];
    expect(new Set([content, ...others, ...shifted].map(contentEventId)).size).toBe(8);
  });
});

describe('item rows', () => {
  async function itemsOf(name: string, text: string, mapping: ItemMapping = {}) {
    const { table, rows } = await tableOf(name, text);
    const parser = createCatalogRowParser('items', table, mapping);
    return rows.map((row) => {
      const parsed = parser.parse(row, noon);
      if (!parsed.ok) return `${parsed.field}: ${parsed.reason}`;
      const ignored = (parsed.ignored ?? []).map(({ field, reason }) => `${field}: ${reason}`);
      return ignored.length === 0 ? parsed.record : { ...parsed.record, ignored };
    });
  }

  it('keeps a title of several words as text and splits lists', async () => {
    const text =
      'item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tprice:float\n1\tToy Story\t1995\tAnimation Comedy\t2.5\n';
    expect(await itemsOf('ml.item', text)).toEqual([
      {
        itemId: '1',
        title: 'Toy Story',
        attributes: { release_year: '1995', class: ['Animation', 'Comedy'], price: 2.5 },
      },
    ]);
  });

  it('splits columns with an annotated header or a plural name', async () => {
    const text = 'item_id\ttitle\tattributes(brand|categories)\tgenres\n1\tA | B\tOPI|Makeup|Nails\tDrama\n2\tC\t\t\n';
    expect(await itemsOf('items.tsv', text)).toEqual([
      { itemId: '1', title: 'A | B', attributes: { attributes: ['OPI', 'Makeup', 'Nails'], genres: ['Drama'] } },
      { itemId: '2', title: 'C', attributes: {} },
    ]);
  });

  it('reads columns as the mapping declares', async () => {
    const text =
      'sku,name,in_stock,price,zip,secret,tags\n1,Lamp,no,9.90,01234,x,a; b;;c\n2,Rug,maybe,free,9,x,\n3,Mat,,free,,,\n';
    const mapping: ItemMapping = {
      separator: ';',
      attributes: { price: 'number', zip: 'text', secret: 'ignore' },
    };
    expect(await itemsOf('items.csv', text, mapping)).toEqual([
      { itemId: '1', title: 'Lamp', available: false, attributes: { price: 9.9, zip: '01234', tags: ['a', 'b', 'c'] } },
      {
        itemId: '2',
        title: 'Rug',
        attributes: { zip: '9' },
        ignored: ['price: not-a-number', 'available: not-true-or-false'],
      },
      { itemId: '3', title: 'Mat', attributes: {}, ignored: ['price: not-a-number'] },
    ]);
  });

  it('reads a column by its own settings, before those of the file', async () => {
    const text = 'sku,weight,price,fragile,tags\n1,"1,500","1,500",vielleicht,a+b\n2,"2,5","2,250",ja,c\n';
    const mapping: ItemMapping = {
      decimal: ',',
      attributes: {
        weight: 'number',
        price: { type: 'number', decimal: '.' },
        fragile: { type: 'boolean', falseWords: ['vielleicht'] },
        tags: { type: 'list', separator: '+' },
      },
    };
    expect(await itemsOf('items.csv', text, mapping)).toEqual([
      { itemId: '1', attributes: { weight: 1.5, price: 1500, fragile: false, tags: ['a', 'b'] } },
      { itemId: '2', attributes: { weight: 2.5, price: 2250, fragile: true, tags: ['c'] } },
    ]);
  });

  it('reads numbers and words of other languages', async () => {
    const text = 'sku;verfügbar;preis;lager\n1;ja;"1.299,00 €";12\n2;nein;3,5;1.200\n3;vielleicht;7;x\n';
    const mapping: ItemMapping = {
      available: 'verfügbar',
      decimal: ',',
      falseWords: ['Vielleicht'],
      attributes: { preis: 'number', lager: 'number' },
    };
    expect(await itemsOf('items.csv', text, mapping)).toEqual([
      { itemId: '1', available: true, attributes: { preis: 1299, lager: 12 } },
      { itemId: '2', available: false, attributes: { preis: 3.5, lager: 1200 } },
      { itemId: '3', available: false, attributes: { preis: 7 }, ignored: ['lager: not-a-number'] },
    ]);
  });

  it('reads attributes of JSON from the attributes object and from other keys', async () => {
    const line = {
      itemId: 1,
      title: 'Lamp',
      attributes: { brand: 'B', sizes: [1, 2], none: null },
      color: 'red',
      box: { w: 1 },
      categories: [
        ['Home', 'Lamps'],
        ['Home', 'Light'],
      ],
    };
    expect(await itemsOf('items.jsonl', JSON.stringify(line))).toEqual([
      {
        itemId: '1',
        title: 'Lamp',
        attributes: { brand: 'B', sizes: ['1', '2'], color: 'red', categories: ['Home', 'Lamps', 'Light'] },
        extra: { box: { w: 1 } },
        ignored: ['box: not-an-attribute'],
      },
    ]);
  });

  it('names the value inside an object that has the name of a field', async () => {
    const line = { itemId: 1, title: { en: 'Lamp' }, available: { store: true } };
    const { table, rows } = await tableOf('items.jsonl', `${JSON.stringify(line)}\n{"itemId":{"sku":"2"}}`);
    const parser = createCatalogRowParser('items', table);
    expect(rows.map((row) => parser.parse(row, noon))).toMatchObject([
      {
        ok: true,
        ignored: [
          { field: 'available', reason: 'not-true-or-false', nestedPath: 'available.store' },
          { field: 'title', reason: 'not-text', cell: { en: 'Lamp' }, nestedPath: 'title.en' },
        ],
      },
      { ok: false, field: 'itemId', reason: 'not-text', nestedPath: 'itemId.sku' },
    ]);
  });

  it('reads a column named __proto__ without changing a prototype', async () => {
    const files = [
      ['items.csv', 'itemId,__proto__,color\n1,polluted,red\n'],
      [
        'items.jsonl',
        '{"itemId":"1","__proto__":{"polluted":"1"},"attributes":{"__proto__":{"polluted":"1"},"color":"red"}}',
      ],
    ] as const;
    for (const [name, text] of files) {
      const [item] = (await itemsOf(name, text)) as [{ itemId: string; attributes: Record<string, unknown> }];
      expect(item.itemId).toBe('1');
      expect(item.attributes['color']).toBe('red');
      expect(Object.getPrototypeOf(item.attributes)).toBe(Object.prototype);
      expect(item.attributes['polluted']).toBeUndefined();
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('refuse words that mean a missing id', async () => {
    const { table, rows } = await tableOf('items.csv', 'id,title\nNULL,A\nguest,B\n');
    const codesOf = (parser: ReturnType<typeof createCatalogRowParser>): string[] =>
      rows.map((row) => parser.parse(row, noon)).map((row) => (row.ok ? 'ok' : `${row.field}: ${row.reason}`));
    expect(codesOf(createCatalogRowParser('items', table))).toEqual(['itemId: missing-word', 'ok']);
    expect(codesOf(createCatalogRowParser('users', table, {}, ['guest']))).toEqual(['ok', 'userId: missing-word']);
  });

  it('refuse a file with one line per property, of which only the last line of an item would count', async () => {
    await expect(itemsOf('item_properties.csv', 'timestamp,itemid,property,value\n')).rejects.toMatchObject({
      code: 'EVENTS_FORMAT_UNKNOWN',
      remedy: expect.stringMatching(/awk -F, '\$3 == "categoryid" \{ v\[\$2\] = \$4 \}.* > items\.csv$/) as string,
    });
  });

  it('names the section that maps a missing id', async () => {
    await expect(itemsOf('items.csv', 'a,b\n')).rejects.toMatchObject({
      code: 'EVENTS_COLUMN_MISSING',
      remedy:
        'Map the column in facet.yaml: mapping: { items: { itemId: <column> } }. If the file has no such column, "Public data sets" in docs/benchmark.md says how to join or convert files.',
    });
  });
});

it.each([
  ['2018-01-04', Number.NaN],
  ['10 - 20', Number.NaN],
  ['4.5 (120)', Number.NaN],
  ['5+3', Number.NaN],
  ['1 2', Number.NaN],
  ['0171 2345678', Number.NaN],
  ['1 234 567,89', 1_234_567.89],
  ['12 €', 12],
  ['1 234 567', 1_234_567],
  ["1'234.50", 1234.5],
  ['$ -5', -5],
  ['(5)', -5],
  ['5-', -5],
])('reads %s as the number %d', (cell, number) => {
  expect(cellNumber(cell)).toBe(number);
});

it('applies the decimal separator of the mapping to text only', async () => {
  const { events } = await eventsOf(
    'typed.inter',
    'user_id:token\titem_id:token\tvalue:float\ttimestamp:float\nu\ti\t12.250\t1700000000\n',
    {
      mapping: { decimal: ',', defaultType: 'purchase' },
    },
  );
  expect(events[0]).toMatchObject({ value: 12.25 });
});

it('applies the time zone of the mapping to Parquet times without a zone', async () => {
  const path = join(await temporaryFolder(), 'times.parquet');
  await withDuckDb({}, (connection) =>
    connection.run(
      `COPY (SELECT 'u' AS user_id, 'i' AS item_id, TIMESTAMP '2024-01-15 12:00:00' AS local,
         epoch_ms(1705320000000)::TIMESTAMPTZ AS zoned) TO '${path}' (FORMAT parquet)`,
    ),
  );
  const timeOf = async (occurredAt: string): Promise<unknown> => {
    const table = forTest(await openTable(path));
    const parser = createEventRowParser(table, { mapping: { occurredAt, timeZone: 'Europe/Berlin' } });
    for await (const { rows } of table.chunks) return parser.parse(rows[0]!, noon + 1e13);
    return undefined;
  };
  expect(await timeOf('local')).toMatchObject({ record: { occurredAt: Date.UTC(2024, 0, 15, 11) } });
  expect(await timeOf('zoned')).toMatchObject({ record: { occurredAt: Date.UTC(2024, 0, 15, 12) } });
});

it('gives a Parquet date the id of the same date in a CSV file, in any time zone', async () => {
  const mapping = { timeZone: 'Europe/Berlin', defaultType: 'purchase' };
  const { events } = await eventsOf('days.csv', 'user_id,item_id,timestamp\nu,i,2024-01-15\n', { mapping });
  const path = join(await temporaryFolder(), 'days.parquet');
  await withDuckDb({}, (connection) =>
    connection.run(
      `COPY (SELECT 'u' AS user_id, 'i' AS item_id, DATE '2024-01-15' AS timestamp) TO '${path}' (FORMAT parquet)`,
    ),
  );
  const table = forTest(await openTable(path));
  const parser = createEventRowParser(table, { mapping });
  for await (const { rows } of table.chunks) {
    expect(parser.parse(rows[0]!, noon + 1e13)).toMatchObject({ record: { eventId: (events[0] as Event).eventId } });
  }
});

describe('a long cell', () => {
  const many = 100_000;

  it.each([
    ['digits', `a,value\n${'1'.repeat(many)}x,${'1'.repeat(many)}x\n`],
    ['spaces in the header', `a${' '.repeat(many)}(b,value\n`],
  ])('of %s is read in time that grows with its length', async (_, text) => {
    const { table, rows } = await tableOf('long.csv', text);
    expect(table.columns.map(({ kind }) => kind)).toEqual(['text', 'text']);
    for (const { cells } of rows) expect(cells.map((cell) => cellNumber(cell))).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('user rows', () => {
  it('read every other column as an attribute', async () => {
    const { table, rows } = await tableOf(
      'ml.user',
      'user_id:token\tage:token\toccupation:token\n1\t24\ttechnician\n\t1\tx\n',
    );
    const parser = createCatalogRowParser('users', table);
    expect(rows.map((row) => parser.parse(row, noon))).toEqual([
      { ok: true, record: { userId: '1', attributes: { age: '24', occupation: 'technician' } }, ignored: [] },
      { ok: false, field: 'userId', reason: 'missing' },
    ]);
  });
});

it('the mapping section refuses unknown names', () => {
  const schema = Compile(ColumnMappingSchema);
  expect(schema.Check({ userId: 'who', items: { separator: '|', attributes: { price: 'number' } } })).toBe(true);
  expect(schema.Check({ user: 'who' })).toBe(false);
  expect(schema.Check({ items: { attributes: { price: 'currency' } } })).toBe(false);
});
