// cspell:ignore Jürgen Käse Lampe Wohnen Anfrage ohne Nummer preis kategorien
import { gzipSync } from 'node:zlib';
import type { ColumnMapping } from '../../src/mapping/column-mapping.ts';

/** Files as shops and data sets have them, and how an import reads them. */
export interface FileCase {
  readonly title: string;
  readonly kind: 'events' | 'items' | 'users';
  /** Content by file name. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  readonly mapping?: ColumnMapping;
  readonly types?: readonly string[];
  readonly expected: ExpectedReport;
}

export interface ExpectedReport {
  /** Accepted and all rows. */
  readonly rows: readonly [accepted: number, all: number];
  /** Field, reason and count, as `occurredAt: not-a-time 2`. */
  readonly refused?: readonly string[];
  readonly ignored?: readonly string[];
  /** Type and count of positive events, as `purchase 3`. */
  readonly positives?: readonly string[];
  /** Type, reason and count of the other events. */
  readonly leftOut?: readonly string[];
  readonly duplicates?: number;
  readonly daysOnly?: number;
  readonly otherCandidates?: Readonly<Record<string, readonly string[]>>;
}

const lines = (...rows: readonly string[]): string => `${rows.join('\n')}\n`;
const windowsLines = (...rows: readonly string[]): string => `${rows.join('\r\n')}\r\n`;

export const fileCases: readonly FileCase[] = [
  {
    title: 'a shop with returns and canceled invoices',
    kind: 'events',
    files: {
      'online_retail.csv': windowsLines(
        'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
        '536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26,2.55,17850,United Kingdom',
        '536365,71053,WHITE METAL LANTERN,6,2010-12-01 08:26,3.39,17850,United Kingdom',
        'C536379,D,Discount,-1,2010-12-01 09:41,27.5,14527,United Kingdom',
        '536390,22941,"CHRISTMAS LIGHTS 10 ""REINDEER""",2,2010-12-01 10:19,8.5,17511,United Kingdom',
        '536414,22139,,56,2010-12-01 11:52,0,,United Kingdom',
      ),
    },
    expected: {
      rows: [4, 5],
      refused: ['userId: missing 1'],
      positives: ['purchase 3'],
      leftOut: ['return type-not-in-rule 1'],
    },
  },
  {
    title: 'canceled invoices without a quantity',
    kind: 'events',
    files: {
      'invoices.csv': lines(
        'customer,stock_code,datetime,invoice',
        '13085,85048,2009-12-01 07:45:00,489434',
        '13085,85048,2009-12-01 09:00:00,C489449',
      ),
    },
    expected: { rows: [2, 2], positives: ['purchase 1'], leftOut: ['return type-not-in-rule 1'] },
  },
  {
    title: 'a canceled invoice before the first plain invoice',
    kind: 'events',
    files: {
      'invoices.csv': lines(
        'customer,stock_code,datetime,invoice',
        '13085,85048,2009-12-01 07:00:00,C489400',
        '13085,85048,2009-12-01 07:45:00,489434',
      ),
    },
    expected: { rows: [2, 2], positives: ['purchase 1'], leftOut: ['return type-not-in-rule 1'] },
  },
  {
    title: 'invoices that all start with C, which means nothing',
    kind: 'events',
    files: {
      'orders.csv': lines('customer,sku,date,invoice', 'u,a,2024-01-01 10:00,C10001', 'u,b,2024-01-01 10:00,C10001'),
    },
    expected: { rows: [2, 2], positives: ['purchase 2'] },
  },
  {
    title: 'purchases with negative values from another system',
    kind: 'events',
    files: {
      'events.jsonl': lines(
        '{"eventId":"1","type":"purchase","userId":"u","itemId":"a","occurredAt":"2024-01-01T10:00:00Z","value":20}',
        '{"eventId":"2","type":"purchase","userId":"u","itemId":"a","occurredAt":"2024-01-02T10:00:00Z","value":-20}',
      ),
    },
    mapping: { returns: 'keep' },
    expected: { rows: [2, 2], positives: ['purchase 1'], leftOut: ['purchase value-negative 1'] },
  },
  {
    title: 'a German export in windows-1252 with decimal commas and its own types',
    kind: 'events',
    files: {
      'export.csv': Buffer.from(
        windowsLines(
          'Kunde;Artikel;Zeitpunkt;Vorgang;Betrag',
          'Jürgen;Tee;31.01.2024 14:05;kauf;1.299,50',
          'Jürgen;Käse;1.2.2024 09:00;klick;',
          'Zoë;Käse;31.02.2024 09:00;kauf;3,5',
        ),
        'latin1',
      ),
    },
    mapping: {
      userId: 'Kunde',
      itemId: 'Artikel',
      occurredAt: 'Zeitpunkt',
      type: 'Vorgang',
      value: 'Betrag',
      typeNames: { kauf: 'purchase', klick: 'click' },
      timeFormat: ['DD.MM.YYYY HH:mm', 'D.M.YYYY HH:mm'],
      timeZone: 'Europe/Berlin',
      decimal: ',',
      encoding: 'windows-1252',
    },
    expected: { rows: [2, 3], refused: ['occurredAt: not-a-time 1'], positives: ['click 1', 'purchase 1'] },
  },
  {
    title: 'the same encoding without the setting: only the lines with other letters are refused',
    kind: 'events',
    files: {
      'export.csv': Buffer.from(
        lines('user,item,time', 'Jürgen,a,2024-01-01 10:00', 'Anna,a,2024-01-01 10:00'),
        'latin1',
      ),
    },
    expected: { rows: [1, 2], refused: [': not-utf8 1'], positives: ['purchase 1'] },
  },
  {
    title: 'an Excel export: declared delimiter, columns without a name, days as numbers',
    kind: 'events',
    files: {
      'sheet.csv': `\ufeff${windowsLines('sep=;', 'Customer;SKU;Order Date;Qty;;', 'u1;a;45292.5;1;;', 'u1;b;45292.75;"1,000";;', ';;;;;')}`,
    },
    mapping: { timeFormat: 'Excel' },
    expected: { rows: [2, 3], refused: ['userId: missing 1'], positives: ['purchase 2'] },
  },
  {
    title: 'American times, and numbers that can mean two values',
    kind: 'events',
    files: {
      'orders.csv': lines(
        'member_id,asin,purchase_date,amount',
        'u,a,"Jan 5, 2024 1:05 PM","$1,299.00"',
        'u,b,"Jan 5, 2024 12:05 AM","1,299"',
        'u,c,"Jan 5, 2024 13:05 PM",3',
      ),
    },
    mapping: { timeFormat: 'MMM D, YYYY h:mm A' },
    expected: {
      rows: [2, 3],
      refused: ['occurredAt: not-a-time 1'],
      ignored: ['value: not-a-number 1'],
      positives: ['purchase 2'],
    },
  },
  {
    title: 'times in seconds, milliseconds and microseconds',
    kind: 'events',
    files: {
      'clicks.tsv': lines(
        'uid\tiid\tts\taction',
        'u\ta\t1704103200\tclk',
        'u\tb\t1704103200000\tclk',
        'u\tc\t1704103200000000\tshow',
      ),
    },
    expected: { rows: [3, 3], positives: ['click 2'], leftOut: ['impression type-not-in-rule 1'] },
  },
  {
    title: 'dates without a time of day, and two orders on one day',
    kind: 'events',
    files: {
      'orders.csv': lines(
        'customer_id,article_id,t_dat,order_id',
        'u,a,2020-09-20,1',
        'u,a,2020-09-20,2',
        'u,a,2020-09-20,2',
        'u,b,2020-09-21,3',
      ),
    },
    expected: { rows: [4, 4], positives: ['purchase 3'], duplicates: 1, daysOnly: 4 },
  },
  {
    title: 'several columns that could be the user or the item',
    kind: 'events',
    files: { 'log.csv': lines('visitor_id,customer_id,sku,product,time', 'v1,c1,s1,p1,2024-01-01 10:00') },
    expected: {
      rows: [1, 1],
      positives: ['purchase 1'],
      otherCandidates: { userId: ['visitor_id'], itemId: ['sku'] },
    },
  },
  {
    title: 'nested JSON',
    kind: 'events',
    files: {
      'track.ndjson': lines(
        '{"user":{"id":7},"product":{"sku":"a","price":"2,50"},"at":"2024-01-01T10:00:00+01:00","name":"ViewItem"}',
        '{"user":{},"product":{"sku":"a"},"at":"2024-01-01T10:00:00Z","name":"ViewItem"}',
        '{"user":{"id":8},"product":{"sku":"a"},"at":"2024-01-01T10:00:00Z","name":"Order"}',
        '{"user":{"id":8},',
      ),
    },
    mapping: { userId: 'user.id', itemId: 'product.sku', value: 'product.price', occurredAt: 'at', type: 'name' },
    expected: {
      rows: [2, 4],
      refused: ['userId: missing 1', ': not-json 1'],
      positives: ['purchase 1'],
      leftOut: ['view type-not-in-rule 1'],
    },
  },
  {
    title: 'ratings with words and commas',
    kind: 'events',
    files: {
      'ratings.csv': lines(
        'userId,movieId,rating,timestamp',
        '1,10,"4,5",964982703',
        '1,11,n/a,964982704',
        '1,12,2,964982705',
        '1,13,,964982706',
      ),
    },
    expected: {
      rows: [4, 4],
      ignored: ['value: not-a-number 1'],
      positives: ['rating 1'],
      leftOut: ['rating value-missing 2', 'rating value-outside-bound 1'],
    },
  },
  {
    title: 'broken quotes, missing cells and an undeclared type',
    kind: 'events',
    files: {
      'events.csv': lines(
        'user,item,time,type',
        'u,"7"" disc",2024-01-01 10:00,buy',
        'u,"open,2024-01-01 10:01,buy',
        'u,b,2024-01-01 10:02,buy',
        'u,c',
        'u,d,2024-01-01 10:03,wishlist',
        'u,e,yesterday,buy',
      ),
    },
    expected: {
      rows: [2, 6],
      refused: [': quote-not-closed 1', ': wrong-column-count 1', 'occurredAt: not-a-time 1', 'type: unknown-type 1'],
      positives: ['purchase 2'],
    },
  },
  {
    title: 'one file per day, packed in different ways',
    kind: 'events',
    files: {
      '2024-01-01.csv': lines('user,item,time', 'u,a,2024-01-01 10:00'),
      '2024-01-02.csv.gz': gzipSync(lines('user,item,time', 'u,b,2024-01-02 10:00')),
      'sub/2024-01-03.csv': Buffer.from(`\ufeff${lines('user;item;time', 'ü;c;2024-01-03 10:00')}`, 'utf16le'),
      'README.txt': 'not a table',
    },
    expected: { rows: [3, 3], positives: ['purchase 3'] },
  },
  {
    title: 'items alone, with words and numbers of several languages',
    kind: 'items',
    files: {
      'artikel.csv': lines(
        'sku;name;available;preis;kategorien',
        '1;Lampe;ja;"9,90 €";Wohnen|Licht',
        '2;Teppich;nein;1.299,00;Wohnen',
        '3;Matte;auf Anfrage;frei;',
        ';ohne Nummer;ja;1;',
      ),
    },
    mapping: { items: { decimal: ',', attributes: { preis: 'number', kategorien: 'list' } } },
    expected: {
      rows: [3, 4],
      refused: ['itemId: missing 1'],
      ignored: ['available: not-true-or-false 1', 'preis: not-a-number 1'],
    },
  },
  {
    title: 'users alone',
    kind: 'users',
    files: { 'users.tsv': lines('customer_id\tage\tmember', 'u1\t31\toui', 'u2\tunknown\tnon') },
    mapping: { users: { attributes: { age: 'number', member: 'boolean' } } },
    expected: { rows: [2, 2], ignored: ['age: not-a-number 1'] },
  },
];
