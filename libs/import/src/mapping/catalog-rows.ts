import { nearestName, plainName } from '@facet/platform';
import { isAttributeValue, isPlainObject, refuse, refuseIdentifier, refuseUserIdentifier } from '@facet/schemas';
import type { AttributeValue, Item, RefusalReason, User } from '@facet/schemas';
import {
  cellBoolean,
  cellNumber,
  cellText,
  decimalOf,
  isEmptyCell,
  isNested,
  missingIdWords,
  suggestPath,
} from './cell-values.ts';
import type { BooleanWords } from './cell-values.ts';
import { inputError } from '../input-error.ts';
import type { ItemMapping, UserMapping } from './column-mapping.ts';
import { columnNames, findColumns, itemFieldNames, otherCandidates, userFieldNames } from './find-columns.ts';
import type { FieldNames } from './find-columns.ts';
import { refuseMissingWord } from './row-parser.ts';
import type { IgnoredValue, ParsedRow, RefusedRow, RowParser } from './row-parser.ts';
import type { Table, TableColumn, TableRow } from '../tables/table.ts';

/** The records of the catalog by the kind of their files. */
export interface CatalogRecords {
  readonly items: Item;
  readonly users: User;
}
export type CatalogKind = keyof CatalogRecords;

const kinds = {
  items: { idField: 'itemId', names: itemFieldNames, refuseId: refuseIdentifier },
  users: { idField: 'userId', names: userFieldNames, refuseId: refuseUserIdentifier },
} as const;

/**
 * Creates the parser of an item or user table. Every column except the id, title and availability becomes an attribute.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` without a column for the id, `EVENTS_FORMAT_UNKNOWN` for items with one line per property.
 */
export function createCatalogRowParser<Kind extends CatalogKind>(
  kind: Kind,
  table: Table,
  mapping: ItemMapping & UserMapping = {},
  missingIds?: readonly string[],
): RowParser<CatalogRecords[Kind]> {
  const { idField, refuseId } = kinds[kind];
  const names: FieldNames = kinds[kind].names;
  const { itemId, title, available, userId } = mapping;
  const mapped = kind === 'items' ? { itemId, title, available } : { userId };
  const at = findColumns(table, names, { mapped, required: [idField], section: `mapping.${kind}` });
  if (kind === 'items') refuseLinePerProperty(table, at[idField]!);
  const { attributes: attributesAt, ...fields } = at;
  const taken = { fields: Object.values(fields), attributes: attributesAt };
  const readAttributes = createAttributeReader(table, taken, mapping);
  const words = wordsOf(mapping);
  const missingWords = missingIdWords(missingIds);
  const parse = (row: TableRow): ParsedRow<CatalogRecords[Kind]> => {
    const cellOf = (field: string): unknown => (at[field] === undefined ? undefined : row.cells[at[field]]);
    const id = cellText(cellOf(idField));
    if (missingWords.has(id)) return refuseMissingWord(idField);
    const problem = refuseId(id);
    if (problem !== undefined) return refuseCell(idField, problem, table.columns[at[idField]!], cellOf(idField));
    const { fields: free, ignored } = readAttributes(row.cells);
    const ignore = (field: string, reason: RefusalReason): void => {
      const cell = cellOf(field);
      const nestedPath = isNested(cell) ? suggestPath(table.columns[at[field]!]!.name, cell) : undefined;
      ignored.push({ field, reason, cell, ...(nestedPath === undefined ? {} : { nestedPath }) });
    };
    const isAvailable = cellBoolean(cellOf('available'), words);
    if (isAvailable === null) ignore('available', 'not-true-or-false');
    if (isNested(cellOf('title'))) ignore('title', 'not-text');
    const shown = kind === 'items' ? { title: cellText(cellOf('title')), available: isAvailable ?? undefined } : {};
    return { ok: true, record: { [idField]: id, ...shown, ...free } as unknown as CatalogRecords[Kind], ignored };
  };
  return { columns: columnNames(table, at), otherCandidates: otherCandidates(table, names, at, [idField]), parse };
}

/** Refuses files such as those of RetailRocket: of the lines of an item, only the last would count. */
function refuseLinePerProperty({ path, columns }: Table, itemAt: number): void {
  const names = columns.map(({ name }) => plainName(name));
  const [propertyAt, valueAt] = [names.indexOf('property'), names.indexOf('value')];
  if (propertyAt === -1 || valueAt === -1) return;
  const [item, property, value] = [itemAt, propertyAt, valueAt].map((index) => `$${index + 1}`);
  throw inputError(
    'EVENTS_FORMAT_UNKNOWN',
    `${path} has one line per property of an item.`,
    `Write one line per item. For the property categoryid: awk -F, '${property} == "categoryid" { v[${item}] = ${value} } END { print "item_id,category"; for (i in v) print i "," v[i] }' ${path} > items.csv`,
    { path },
  );
}

/**
 * Returns the mapped attributes that none of the files has: other files may have them. Call it after the last row, because later rows of
 * a JSON file may have new keys.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` if a file has a column of a similar name
 */
export function findMissingColumns(
  tables: readonly Table[],
  kind: CatalogKind,
  { attributes = {} }: AttributeOptions = {},
): string[] {
  if (tables.length === 0) return [];
  const columns = [...new Set(tables.flatMap((table) => table.columns.map(({ name }) => name)))];
  const others = columns.filter((name) => !Object.hasOwn(attributes, name));
  const missing = Object.keys(attributes).filter((name) => !columns.includes(name));
  for (const name of missing) {
    const nearest = nearestName(name, others, { errorsMax: 2 });
    if (nearest === undefined) continue;
    throw inputError(
      'EVENTS_COLUMN_MISSING',
      `mapping.${kind}.attributes names the column "${name}", which no file of ${kind} has.`,
      `Did you mean ${nearest}? Correct the name in facet.yaml, or remove it.`,
      { paths: tables.map(({ path }) => path), fields: [name], columns },
    );
  }
  return missing;
}

function refuseCell(field: string, reason: RefusalReason, column: TableColumn | undefined, cell: unknown): RefusedRow {
  if (!isNested(cell) || column === undefined) return refuse(field, reason);
  return { ...refuse(field, 'not-text'), nestedPath: suggestPath(column.name, cell) };
}

type CellOptions = Pick<ItemMapping, 'separator' | 'decimal' | 'trueWords' | 'falseWords'>;
type AttributeOptions = CellOptions & Pick<ItemMapping, 'attributes'>;

/** How the cells of one column become values. */
interface ColumnReading {
  readonly kind: TableColumn['kind'] | 'ignore';
  readonly separator: string;
  readonly decimal: ItemMapping['decimal'];
  readonly words: BooleanWords;
}

/** The attributes of one row, the values that cannot be attributes, and the cells that do not fit their kind. */
interface RowAttributes {
  readonly fields: {
    readonly attributes: Record<string, AttributeValue>;
    readonly extra?: Record<string, unknown>;
  };
  readonly ignored: IgnoredValue[];
}

/**
 * Creates the reader of a row's attributes: all columns except `taken`. The mapping decides the kind of a column, or else its
 * header does. With a `separator`, text columns are lists. Empty list values are dropped.
 */
function createAttributeReader(
  table: Table,
  taken: { readonly fields: readonly (number | undefined)[]; readonly attributes: number | undefined },
  options: AttributeOptions,
): (cells: readonly unknown[]) => RowAttributes {
  const readings = new Map<TableColumn, ColumnReading>();
  const readingFor = (column: TableColumn): ColumnReading => {
    const reading = readings.get(column) ?? readingOf(column, options);
    readings.set(column, reading);
    return reading;
  };
  return (cells) => {
    const attributes: [string, AttributeValue][] = [];
    const extra: [string, unknown][] = [];
    const ignored: IgnoredValue[] = [];
    const add = (name: string, value: unknown): void => {
      if (isAttributeValue(value)) {
        attributes.push([name, value]);
        return;
      }
      extra.push([name, value]);
      ignored.push({ field: name, reason: 'not-an-attribute', cell: value });
    };
    table.columns.forEach((column, index) => {
      const cell = cells[index];
      if (taken.fields.includes(index) || isEmptyCell(cell)) return;
      if (index === taken.attributes && isPlainObject(cell)) {
        for (const [name, value] of Object.entries(cell)) if (value !== null) add(name, jsonValue(value));
        return;
      }
      const reading = readingFor(column);
      const value = attributeOf(cell, reading);
      if (value === unreadable) ignored.push({ field: column.name, reason: reasonOf(reading), cell });
      else if (value !== undefined) add(column.name, value);
    });
    const fields = { attributes: Object.fromEntries(attributes) };
    return { fields: extra.length === 0 ? fields : { ...fields, extra: Object.fromEntries(extra) }, ignored };
  };
}

const unreadable = Symbol('unreadable');

/** Returns the reading of a column. Its own settings come before those of the file. */
function readingOf(column: TableColumn, { attributes = {}, ...options }: AttributeOptions): ColumnReading {
  const setting = attributes[column.name];
  const { type, ...own } = typeof setting === 'object' ? setting : { type: setting };
  const ofColumn = { ...options, decimal: decimalOf(column, options.decimal) };
  const { separator, decimal, ...words }: CellOptions = { ...ofColumn, ...own };
  const byHeader = column.kind === 'text' && separator !== undefined ? 'list' : column.kind;
  return { kind: type ?? byHeader, separator: separator ?? column.separator ?? '|', decimal, words: wordsOf(words) };
}

function reasonOf({ kind }: ColumnReading): IgnoredValue['reason'] {
  return kind === 'boolean' ? 'not-true-or-false' : 'not-a-number';
}

function attributeOf(cell: unknown, { kind, separator, decimal, words }: ColumnReading): unknown {
  switch (kind) {
    case 'ignore':
      return undefined;
    case 'any':
      return jsonValue(cell);
    case 'number':
    case 'time': {
      const number = cellNumber(cell, decimal);
      return Number.isNaN(number) ? unreadable : number;
    }
    case 'boolean':
      return cellBoolean(cell, words) ?? unreadable;
    case 'list': {
      if (Array.isArray(cell)) return jsonValue(cell);
      const values =
        cellText(cell)
          ?.split(separator)
          .map((value) => value.trim()) ?? [];
      return values.filter((value) => value !== '');
    }
    default:
      return cellText(cell) ?? jsonValue(cell);
  }
}

function wordsOf({ trueWords, falseWords }: CellOptions): BooleanWords {
  return { true: trueWords?.map(lowerCase), false: falseWords?.map(lowerCase) };
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}

/**
 * Converts lists of numbers and booleans to lists of text. A list of lists, such as the paths of a product's categories, becomes one
 * list of its distinct values. Other JSON values stay unchanged.
 */
function jsonValue(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const entries = value.every(Array.isArray) ? [...new Set(value.flat())] : value;
  const isFlat = entries.every((entry) => ['string', 'number', 'boolean'].includes(typeof entry));
  return isFlat ? entries.map(String) : value;
}
