import type { Item } from '@facet/schemas';
import { refuseIdentifier, refuseUserIdentifier } from '@facet/schemas';
import { refuse } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';
import type { User } from '@facet/schemas';
import type { Table, TableRow } from '../tables/table.ts';
import { createAttributeReader } from './attribute-cells.ts';
import { cellBoolean, cellText } from './cell-values.ts';
import type { ItemMapping, UserMapping } from './column-mapping.ts';
import { columnNames, findColumns, itemFieldNames, userFieldNames } from './find-columns.ts';

export interface ItemRowParser {
  readonly columns: Readonly<Record<string, string>>;
  parse(row: TableRow): { readonly ok: true; readonly item: Item } | Refusal;
}

/**
 * Makes the parser of an item table. The title is kept as text; every other column becomes an attribute.
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
    const name = cellText(cellAt(at.title));
    const { attributes, extra } = readAttributes(row.cells);
    return {
      ok: true,
      item: {
        itemId: id as string,
        ...(name === undefined ? {} : { title: name }),
        ...(isAvailable === undefined ? {} : { available: isAvailable }),
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
 * Makes the parser of a user table; every column but the id becomes an attribute.
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
