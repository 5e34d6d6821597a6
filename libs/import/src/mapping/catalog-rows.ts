import { isAttributeValue, isPlainObject, refuse, refuseIdentifier, refuseUserIdentifier } from '@facet/schemas';
import type { AttributeValue, Item, Refusal, User } from '@facet/schemas';
import { cellBoolean, cellNumber, cellText, isEmptyCell } from './cell-values.ts';
import type { ItemMapping, UserMapping } from './column-mapping.ts';
import { columnNames, findColumns, itemFieldNames, userFieldNames } from './find-columns.ts';
import type { Table, TableColumn, TableRow } from '../tables/table.ts';

export interface ItemRowParser {
  readonly columns: Readonly<Record<string, string>>;
  parse(row: TableRow): { readonly ok: true; readonly item: Item } | Refusal;
}

/**
 * Creates the parser of an item table. Every column except id, title and availability becomes an attribute.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` without a column for `itemId`.
 */
export function createItemRowParser(table: Table, mapping: ItemMapping = {}): ItemRowParser {
  const { itemId, title, available } = mapping;
  const at = findColumns(table, itemFieldNames, {
    mapped: { itemId, title, available },
    required: ['itemId'],
    section: 'mapping.items',
  });
  const { attributes: attributesAt, ...fields } = at;
  const readAttributes = createAttributeReader(
    table,
    { fields: Object.values(fields), attributes: attributesAt },
    mapping,
  );
  const parse = (row: TableRow): { ok: true; item: Item } | Refusal => {
    const cellAt = (index: number | undefined): unknown => (index === undefined ? undefined : row.cells[index]);
    const id = cellText(cellAt(at.itemId));
    const problem = refuseIdentifier(id);
    if (problem !== undefined) return refuse('itemId', problem);
    const isAvailable = cellBoolean(cellAt(at.available));
    if (isAvailable === null) return refuse('available', 'not-true-or-false');
    const { attributes, extra } = readAttributes(row.cells);
    return {
      ok: true,
      item: {
        itemId: id as string,
        title: cellText(cellAt(at.title)),
        available: isAvailable,
        attributes,
        ...(Object.keys(extra).length === 0 ? {} : { extra }),
      },
    };
  };
  return { columns: columnNames(table, at), parse };
}

export interface UserRowParser {
  readonly columns: Readonly<Record<string, string>>;
  parse(row: TableRow): { readonly ok: true; readonly user: User } | Refusal;
}

/**
 * Creates the parser of a user table. Every column except the id becomes an attribute.
 *
 * @throws AppError `EVENTS_COLUMN_MISSING` without a column for `userId`.
 */
export function createUserRowParser(table: Table, mapping: UserMapping = {}): UserRowParser {
  const at = findColumns(table, userFieldNames, {
    mapped: { userId: mapping.userId },
    required: ['userId'],
    section: 'mapping.users',
  });
  const readAttributes = createAttributeReader(table, { fields: [at.userId], attributes: at.attributes }, mapping);
  const parse = (row: TableRow): { ok: true; user: User } | Refusal => {
    const id = cellText(at.userId === undefined ? undefined : row.cells[at.userId]);
    const problem = refuseUserIdentifier(id);
    if (problem !== undefined) return refuse('userId', problem);
    const { attributes, extra } = readAttributes(row.cells);
    return {
      ok: true,
      user: { userId: id as string, attributes, ...(Object.keys(extra).length === 0 ? {} : { extra }) },
    };
  };
  return { columns: columnNames(table, at), parse };
}

interface AttributeOptions {
  readonly separator?: ItemMapping['separator'];
  readonly attributes?: ItemMapping['attributes'];
}

/** The attributes of one row, and the values that cannot be attributes. */
interface RowAttributes {
  readonly attributes: Record<string, AttributeValue>;
  readonly extra: Record<string, unknown>;
}

/**
 * Creates the reader of a row's attributes: all columns except `taken`. The mapping decides the kind of a column, or else its
 * header does. With a `separator`, text columns are lists. Empty list values are dropped. A cell that does not fit its
 * column's kind stays text, because an invalid attribute must not refuse the row.
 */
function createAttributeReader(
  table: Table,
  taken: { readonly fields: readonly (number | undefined)[]; readonly attributes: number | undefined },
  options: AttributeOptions,
): (cells: readonly unknown[]) => RowAttributes {
  return (cells) => {
    const attributes: [string, AttributeValue][] = [];
    const extra: [string, unknown][] = [];
    const add = (name: string, value: unknown): void => {
      if (isAttributeValue(value)) attributes.push([name, value]);
      else extra.push([name, value]);
    };
    table.columns.forEach((column, index) => {
      const cell = cells[index];
      if (taken.fields.includes(index) || isEmptyCell(cell)) return;
      if (index === taken.attributes && isPlainObject(cell)) {
        for (const [name, value] of Object.entries(cell)) if (value !== null) add(name, jsonValue(value));
        return;
      }
      const value = attributeOf(cell, column, options);
      if (value !== undefined) add(column.name, value);
    });
    return { attributes: Object.fromEntries(attributes), extra: Object.fromEntries(extra) };
  };
}

function attributeOf(cell: unknown, column: TableColumn, options: AttributeOptions): unknown {
  const declared = options.attributes?.[column.name];
  if (declared === 'ignore') return undefined;
  if (declared === undefined && column.kind === 'any') return jsonValue(cell);
  const byHeader = column.kind === 'text' && options.separator !== undefined ? 'list' : column.kind;
  switch (declared ?? byHeader) {
    case 'number':
    case 'time':
      return orText(cellNumber(cell), cell);
    case 'boolean':
      return cellBoolean(cell) ?? cellText(cell);
    case 'list': {
      if (Array.isArray(cell)) return jsonValue(cell);
      const separator = options.separator ?? column.separator ?? '|';
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

function orText(number: number | undefined, cell: unknown): number | string | undefined {
  return Number.isNaN(number) ? cellText(cell) : number;
}

/** Converts lists of numbers and booleans to lists of text. Other JSON values stay unchanged. */
function jsonValue(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const isFlat = value.every((entry) => ['string', 'number', 'boolean'].includes(typeof entry));
  return isFlat ? value.map(String) : value;
}
